#!/usr/bin/env python3
"""Makes the headers that libfuse3.so.3 is compiled with: those in include/, with the structures of
layout.h in the place of their namesakes, and without the members that came later.

    headers.py LAYOUT HEADER... OUTPUT_DIRECTORY
"""

import pathlib
import re
import sys

# The last member of structures that have grown since, and are otherwise the same.
LAST_MEMBER = {
    'fuse_custom_io': 'splice_send',
    'fuse_lowlevel_ops': 'lseek',
}
# How FUSE_BUFVEC_INIT ends, for a structure with a member less.
INITIALIZER = (', -1, 0, 0}}', ', -1, 0}}')
DEFINITION = r'^(struct|enum) {} \{{\n.*?^\}};\n'


def definitions(text):
    """The structures of a file, by name."""
    found = re.finditer(DEFINITION.format(r'(\w+)'), text, re.M | re.S)
    return {match.group(2): match.group(0) for match in found}


def cut(body, last):
    """A structure up to and including the member that is a pointer to a function of that name."""
    end = re.search(rf'\(\*{last}\)\(.*?\);\n', body, re.S).end()
    conditions = re.findall(r'^#(if|endif)', body[end:], re.M)
    assert conditions.count('if') == conditions.count('endif'), f'a condition around {last}'
    return body[:end] + '};\n'


def replace(texts, name, change):
    pattern = re.compile(DEFINITION.format(name), re.M | re.S)
    found = [header for header, text in texts.items() if pattern.search(text)]
    assert len(found) == 1, f'{name} is defined in {found}'
    texts[found[0]] = pattern.sub(lambda match: change(match.group(0)), texts[found[0]], count=1)


def main(layout, *headers, directory):
    texts = {pathlib.Path(header).name: pathlib.Path(header).read_text() for header in headers}
    for name, body in definitions(pathlib.Path(layout).read_text()).items():
        replace(texts, name, lambda _, body=body: body)
    for name, last in LAST_MEMBER.items():
        replace(texts, name, lambda body, last=last: cut(body, last))
    assert texts['fuse_common.h'].count(INITIALIZER[0]) == 2
    texts['fuse_common.h'] = texts['fuse_common.h'].replace(*INITIALIZER)
    for header, text in texts.items():
        pathlib.Path(directory, header).write_text(text)


if __name__ == '__main__':
    main(*sys.argv[1:-1], directory=sys.argv[-1])
