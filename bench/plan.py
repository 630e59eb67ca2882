"""What is measured: rows (an operation on a filesystem by so many clients), each on several cells
(a library, the loop it runs, reattach on or off), and which cells are compared."""

from dataclasses import dataclass, field

BASE, NEW = "installed", "this"
SINGLE, MULTI, CLONE = "-s", "mt", "mt clone_fd"

# Where client and server run. Left alone, the scheduler puts a client and its server now on one
# processor and now on two, and a call takes several times as long in one case as in the other.
TOGETHER, APART, ANYWHERE = "on one CPU", "on two CPUs", "anywhere"


@dataclass(frozen=True)
class Cell:
    library: str
    loop: str
    reattach: bool = False

    def __str__(self):
        return f"{self.library} {self.loop}" + (" reattach" if self.reattach else "")


@dataclass(frozen=True)
class Row:
    filesystem: str
    title: str
    operation: str  # as bench/client knows it
    directory: str  # below the mountpoint; "#" is each client's number
    clients: int
    placement: str
    cells: tuple = field(compare=False)

    def __str__(self):
        return f"{self.filesystem} {self.title} x{self.clients} {self.placement}"

    @property
    def block_size(self):
        return int(self.operation.partition(":")[2] or 0)


@dataclass(frozen=True)
class Comparison:
    row: Row
    base: Cell
    new: Cell


OPERATIONS = [
    ("stat", "getattr"),
    ("lookup", "lookup"),
    ("open+close", "open"),
    ("create+unlink", "create"),
    ("readdir of 256", "readdir"),
    ("random read 4K", "randread:4096"),
    ("random write 4K", "randwrite:4096"),
    ("read 128K", "read:131072"),
    ("read 1M", "read:1048576"),
    ("write 128K", "write:131072"),
    ("write 1M", "write:1048576"),
    ("read-ahead 128K", "readahead:131072"),
]
# Through the high-level API: by one, two and eight clients, in one directory or each in its own.
PATH_OPERATIONS = [
    ("stat", "getattr"),
    ("lookup", "lookup"),
    ("open+close", "open"),
    ("create+unlink", "create"),
    ("random read 4K", "randread:4096"),
    ("random write 4K", "randwrite:4096"),
]
PATH_DIRECTORIES = [("in one directory", "deep/one"), ("each in its own", "deep/d#")]
SCALING = {"getattr", "randread:4096", "create"}
WAKING = {"getattr", "randread:4096"}  # also measured on two processors


def _cells(loops, reattach_loops):
    """Cells to compare stand next to each other, so that little time passes between them."""
    cells = []
    for loop in loops:
        cells += [Cell(BASE, loop), Cell(NEW, loop)]
        if loop in reattach_loops:
            cells.append(Cell(NEW, loop, True))
    return tuple(cells)


def _rows_of(filesystem, title, operation, quick, reattach):
    directory = "names" if (filesystem, operation) == ("passthrough", "readdir") else ""
    scaling = operation in SCALING and (filesystem == "nullfs" or not quick)
    every_loop = [SINGLE, MULTI] + ([CLONE] if scaling else [])
    reattach_loops = [] if not reattach else [MULTI] if quick else [SINGLE, MULTI]
    shapes = [(1, TOGETHER, every_loop, reattach_loops)]
    if filesystem == "nullfs" and operation in WAKING:
        shapes.append((1, APART, [SINGLE, MULTI], []))
    if scaling:
        shapes += [(clients, placement, [MULTI, CLONE], reattach_loops[-1:])
                   for clients in (2, 8) for placement in (TOGETHER, ANYWHERE)]
    return [Row(filesystem, title, operation, directory, clients, placement, _cells(loops, again))
            for clients, placement, loops, again in shapes]


def _path_rows(quick, reattach):
    made = []
    for title, operation in PATH_OPERATIONS:
        for where, directory in PATH_DIRECTORIES:
            for clients in (1, 8) if quick else (1, 2, 8):
                placement = TOGETHER if clients == 1 else ANYWHERE
                loops = [SINGLE, MULTI] if clients == 1 else [MULTI]
                again = [MULTI] if reattach and clients == 1 else []
                made.append(Row("nullfs_hl", f"{title} {where}", operation, directory, clients,
                                placement, _cells(loops, again)))
    return made


def rows(quick, reattach):
    return _path_rows(quick, reattach) + [
        row for filesystem in ("nullfs", "passthrough") for title, operation in OPERATIONS
        for row in _rows_of(filesystem, title, operation, quick, reattach)]


def comparisons(all_rows):
    """Library against library first, then loop against loop, then reattach off against on."""
    libraries, loops, reattach = [], [], []
    for row in all_rows:
        for cell in row.cells:
            if cell.reattach:
                reattach.append(Comparison(row, Cell(NEW, cell.loop), cell))
            elif cell.library == NEW:
                libraries.append(Comparison(row, Cell(BASE, cell.loop), cell))
            if cell.loop == MULTI and not cell.reattach and Cell(cell.library, SINGLE) in row.cells:
                loops.append(Comparison(row, Cell(cell.library, SINGLE), cell))
    return libraries + loops + reattach
