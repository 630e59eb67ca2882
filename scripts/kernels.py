"""The tests that run in kernels of our own, which kernel/build makes and kernel/boot starts."""

# Kernels that the recovery is tried on: (options, suites of kernel/selftest). 6.1 has no RESEND; 7.3 comes
# from another release of Debian and is skipped where that cannot be reached.
KERNELS = {'6.1': (['--version', '6.1', '--stock'], ['recovery']),
           '6.12': (['--version', '6.12', '--stock'], ['recovery', 'cuse']),
           '6.12 with the series': (['--version', '6.12'],
                                    ['recovery', 'recovery-by-kernel', 'holder', 'successor']),
           '6.12 with the series, debug': (['--version', '6.12', '--debug'], ['successor']),
           '7.3': (['--version', '7.3', '--stock'], ['recovery']),
           '7.3 with the series': (['--version', '7.3'], ['recovery-by-kernel', 'holder', 'successor'])}
OPTIONAL = '7.3'
# What um/debug-*-planted.patch can do wrong, and what the kernel has to say of it.
PLANTED = {'use-after-free': 'BUG: KASAN: ', 'order': 'possible circular locking dependency',
           'sleep': 'sleeping function called|scheduling while atomic', 'lock-at-exit': 'still has locks held'}
STATUS_REPORT, STATUS_NO_SOURCE = 123, 77


def boots(folder, options, suites):
    """What each boot runs. Where one report silences the next, every file of tests has a boot of its own."""
    if '--debug' not in options:
        return [suites]
    return [[f'{suite}/{file.name}'] for suite in suites for file in sorted((folder / 'test').glob('test_*.py'))]


def run(suite, command, folder, build):
    """`command` as in check.py; `build` has the library."""
    for name, (options, suites) in KERNELS.items():
        log = 'kernel.' + name.replace(' ', '-').replace(',', '')
        status, output = command([str(folder / 'build'), *options], f'{log}.build', 7200)
        if status == STATUS_NO_SOURCE and OPTIONAL in options:
            suite.add_skip(f'{name}: build', output.splitlines()[-1])
            continue
        if status != 0:
            suite.add_failure(f'{name}: build', output[-3000:])
            continue
        image = output.splitlines()[-1]
        boot = [str(folder / 'boot'), '--image', image, '--timeout', '3000']
        for number, chosen in enumerate(boots(folder, options, suites)):
            status, output = command(
                [*boot, '--env', f'FUSE_BUILD_DIR={build}', str(folder / 'selftest'), *chosen],
                f'{log}.{number}', 3600)
            before = len(suite.failed)
            if suite.read_lines(output, f'{name}: ') == 0 or (status != 0 and len(suite.failed) == before):
                suite.add_failure(f'{name}: {" ".join(chosen)}', f'status {status}\n{output[-4000:]}')
        if '--debug' in options:
            planted(suite, command, boot, name)


def planted(suite, command, boot, kernel):
    """That the kernel for finding mistakes finds some."""
    for name, words in PLANTED.items():
        status, output = command([*boot, '--timeout', '120', 'sh', '-c',
                                  f'echo {name} > /sys/module/fuse/parameters/planted'],
                                 f'kernel.planted.{name}', 300)
        if status == STATUS_REPORT and any(word in output for word in words.split('|')):
            suite.add_pass(f'{kernel}: planted {name} is reported')
        else:
            suite.add_failure(f'{kernel}: planted {name} is reported', f'status {status}\n{output[-3000:]}')
