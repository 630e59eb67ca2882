"""Which operations the campaign has met: every one that the library knows, in both interfaces, by
crashes alone and in pairs. The killer has seen the requests being received; nothing is listed by hand
but what cannot come."""

LOW, HIGH = 'low-level', 'high-level'
ALONE, PAIRS = 'alone', 'in pairs'

# The beginning and the end of a mount are lifetimes.py's; a FUSE_NOTIFY_REPLY has no reply and no
# effect that is kept; when the kernel sends INTERRUPT is a matter of chance (the script `interrupted`
# makes it likely), so it is test/crash/replay that has it at every place.
ELSEWHERE = {'INIT', 'DESTROY', 'NOTIFY_REPLY', 'INTERRUPT'}
# Not in the interface.
NONE_THERE = {HIGH: {'TMPFILE'}}
# Kernels send one of them: copy_file_range(2) came with a second number in protocol 7.45, and what
# is forgotten goes alone or in batches as it comes.
EITHER = [{'COPY_FILE_RANGE', 'COPY_FILE_RANGE_64'}, {'FORGET', 'BATCH_FORGET'}]


def judge(report, opcodes):
    for interface in (LOW, HIGH):
        for how in (ALONE, PAIRS):
            met = {opcodes[number] for number in report.covered.get((interface, how), ())
                   if number in opcodes}
            missing = set(opcodes.values()) - met - ELSEWHERE - NONE_THERE.get(interface, set())
            for group in EITHER:
                if met & group:
                    missing -= group
            name = f'coverage/{interface} {how}'
            if missing:
                report.failure(name, f'no crash met {", ".join(sorted(missing))}')
            else:
                report.passed(name, f'{len(met)} operations')
