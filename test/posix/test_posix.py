"""A mount does what the file system below it does: the same results, errors and trees.

What a case does and sees is in cases_*.py; each runs on the file system itself first, which says
what is right, and then on the mount. The kernel's own differences are listed in exceptions.py."""

from exceptions import excused, lost_a_file

NOTHING = 'nothing'  # what is seen where a run did not come so far


def differences(way, case, expected, seen):
    """Texts: what was done, what the file system says, what the mount says."""
    found = []
    for what in [*expected, *(what for what in seen if what not in expected)]:
        want, have = expected.get(what, NOTHING), seen.get(what, NOTHING)
        if want != have and not excused(way, case, what.partition(' #')[0], have):
            found.append(f'{what}: {str(want)[:300]} below, {str(have)[:300]} on the mount')
    return found


def test_case(results, way, name):
    expected = results.oracle(way)[name]
    early = [what for what in expected if what.startswith(('case ended', 'process'))]
    assert not early, f'not even below the mount: {expected}'
    seen = results.of(way)[name]
    found = differences(way.name, name, expected, seen)
    if found and way.killed and lost_a_file(name, seen):
        return
    assert not found, '\n'.join(found[:20])
