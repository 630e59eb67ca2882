"""demo.svg: operations per second and the slowest call over time, with a mark for every kill."""

import math
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP = 1120, 84, 24, 112
PANEL, GAP = 250, 66
COLORS = {'probe': '#4e79a7', 'effects': '#76b7b2', 'fio': '#f28e2b', 'sqlite': '#59a14f',
          'git': '#b07aa1', 'tar': '#9c755f'}
INK, FAINT, KILL = '#2b2b33', '#e4e4ea', '#d1495b'
FONT = 'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"'


def _nice_step(top, steps):
    rough = top / steps
    unit = 10 ** math.floor(math.log10(rough))
    return next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= rough * 0.999)


def _number(value):
    return f'{value / 1000:g} k' if value >= 1000 else f'{value:g}'


class Canvas:
    """Collects elements; `x` turns seconds into pixels."""

    def __init__(self, seconds):
        self.seconds, self.parts = seconds, []

    def x(self, second):
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(second / self.seconds, 0), 1)

    def add(self, text):
        self.parts.append(text)

    def line(self, x1, y1, x2, y2, color, width=1.0, more=''):
        self.add(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                 f'stroke="{color}" stroke-width="{width}" {more}/>')

    def text(self, x, y, text, size=13, anchor='start', more=''):
        self.add(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
                 f'fill="{INK}" {more}>{escape(text)}</text>')


def _bins(records, start, seconds):
    """Per workload: operations a second and the slowest call, for each slice of time."""
    width = max(0.1, seconds / 240)
    count = math.ceil(seconds / width)
    rates = {name: [0.0] * count for name in records}
    slowest = [0.0] * count
    for name, record in records.items():
        for began, ended, calls, worst, _ in record.calls:
            first, last = ((moment - start) / 1e9 / width for moment in (began, ended))
            if 0 <= last < count:
                slowest[int(last)] = max(slowest[int(last)],
                                         worst / 1e9 if name not in ('git', 'tar') else 0)
            span = max(last - first, 1e-9)
            for slot in range(max(int(first), 0), min(int(last), count - 1) + 1):
                share = (min(last, slot + 1) - max(first, slot)) / span if span > 1e-9 else 1
                rates[name][slot] += calls * max(share, 0) / width
    return width, rates, slowest


def _frame(canvas, top, title, unit):
    bottom = top + PANEL
    canvas.text(LEFT, top - 12, title, 14, more='font-weight="600"')
    canvas.add(f'<text x="20" y="{top + PANEL / 2:.1f}" font-size="12" text-anchor="middle" '
               f'fill="{INK}" transform="rotate(-90 20 {top + PANEL / 2:.1f})">{escape(unit)}</text>')
    step = _nice_step(canvas.seconds, 12)
    second = 0.0
    while second <= canvas.seconds * 1.0001:
        x = canvas.x(second)
        canvas.line(x, bottom, x, bottom + 5, INK)
        canvas.text(x, bottom + 19, f'{second:g}', 12, 'middle')
        second += step
    canvas.line(LEFT, bottom, WIDTH - RIGHT, bottom, INK)
    canvas.text(WIDTH - RIGHT, bottom + 36, 'time (s)', 12, 'end')


def _kills(canvas, top, kills, start):
    """A faint line through the panel and a tick on top of it for each kill."""
    for moment, _, early in kills:
        x = canvas.x((moment - start) / 1e9)
        canvas.line(x, top, x, top + PANEL, KILL, 0.7, 'opacity="0.16"')
        canvas.line(x, top - 6, x, top + (2 if early else 0), KILL, 1, 'opacity="0.8"')


def _rates(canvas, top, width, rates):
    count = len(next(iter(rates.values())))
    total = [sum(values[slot] for values in rates.values()) for slot in range(count)]
    limit = (max(total) or 1) * 1.05
    step = _nice_step(limit, 5)

    def y(value):
        return top + PANEL * (1 - value / limit)

    value = 0.0
    while value <= limit:
        canvas.line(LEFT, y(value), WIDTH - RIGHT, y(value), FAINT)
        canvas.text(LEFT - 8, y(value) + 4, _number(value), 12, 'end')
        value += step
    below = [0.0] * count
    for name, values in rates.items():
        above = [low + value for low, value in zip(below, values)]
        edges = [(canvas.x(slot * width), canvas.x((slot + 1) * width)) for slot in range(count)]
        path = [f'{x:.1f},{y(level):.1f}' for pair, level in zip(edges, above) for x in pair]
        path += [f'{x:.1f},{y(level):.1f}' for pair, level in reversed(list(zip(edges, below)))
                 for x in reversed(pair)]
        canvas.add(f'<polygon points="{" ".join(path)}" fill="{COLORS.get(name, "#888")}" '
                   f'opacity="0.88"/>')
        below = above


def _slowest(canvas, top, width, slowest):
    seen = [value for value in slowest if value > 0] or [0.001]
    low = math.floor(math.log10(max(min(seen), 1e-5)))
    high = max(low + 1, math.ceil(math.log10(max(seen)) + 1e-9))

    def y(value):
        return top + PANEL * (1 - (math.log10(value) - low) / (high - low))

    for power in range(low, high + 1):
        for multiple in range(1, 10 if power < high else 2):
            line = y(multiple * 10.0 ** power)
            canvas.line(LEFT, line, WIDTH - RIGHT, line, FAINT, 1 if multiple == 1 else 0.4)
        canvas.text(LEFT - 8, y(10.0 ** power) + 4, f'{10.0 ** (power + 3):g}', 12, 'end')
    points = [(canvas.x((slot + 0.5) * width), y(max(value, 10.0 ** low)))
              for slot, value in enumerate(slowest) if value > 0]
    canvas.add(f'<polyline fill="none" stroke="{INK}" stroke-width="1.4" stroke-linejoin="round" '
               f'points="{" ".join(f"{px:.1f},{py:.1f}" for px, py in points)}"/>')


def _legend(canvas, rates, kills):
    x = LEFT
    for name in rates:
        canvas.add(f'<rect x="{x}" y="50" width="12" height="12" rx="2" '
                   f'fill="{COLORS.get(name, "#888")}"/>')
        canvas.text(x + 17, 60, name, 12)
        x += 34 + 8 * len(name)
    canvas.line(x + 4, 49, x + 4, 63, KILL, 1.5)
    canvas.text(x + 12, 60, f'server killed ({len(kills)} times)', 12)


def draw(path, records, kills, start, seconds):
    canvas = Canvas(seconds)
    width, rates, slowest = _bins(records, start, seconds)
    height = TOP + 2 * PANEL + GAP + 50
    canvas.text(LEFT, 32, 'Applications on a FUSE mount whose server is killed again and again', 18,
                more='font-weight="600"')
    _legend(canvas, rates, kills)
    second_top = TOP + PANEL + GAP
    for top in (TOP, second_top):
        _kills(canvas, top, kills, start)
    _frame(canvas, TOP, 'Operations per second, all applications', 'operations per second')
    _rates(canvas, TOP, width, rates)
    _frame(canvas, second_top, 'Slowest single call in each slice of time', 'milliseconds (log)')
    _slowest(canvas, second_top, width, slowest)
    body = '\n'.join(canvas.parts)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
                   f'width="{WIDTH}" height="{height}" {FONT}>\n'
                   f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n')
