#!/usr/bin/env python3
"""Writes down what a recorded interface says of the structures that programs share with the library:

    make_facts.py libfuse3-3.14.0.abi > facts/layout-3.14.0.h

The result is for layout.c.
"""

import sys
import xml.etree.ElementTree as ElementTree

# By the header that defines them, under whose guard the facts stand.
PUBLIC = {
    'FUSE_LOWLEVEL_H_': [
        'fuse_opt', 'fuse_args', 'libfuse_version', 'fuse_file_info', 'fuse_loop_config_v1',
        'fuse_conn_info', 'fuse_buf', 'fuse_bufvec', 'fuse_entry_param', 'fuse_ctx',
        'fuse_forget_data', 'fuse_custom_io', 'fuse_lowlevel_ops', 'fuse_cmdline_opts'],
    'FUSE_H_': ['fuse_config', 'fuse_operations', 'fuse_context'],
    'CUSE_LOWLEVEL_H_': ['cuse_info', 'cuse_lowlevel_ops'],
}
# Those that fill a whole word cannot be told from other members by their place.
WIDE_BIT_FIELDS = {'padding2', 'padding3'}


class Recorded:
    """An interface as abidw(1) recorded it."""

    def __init__(self, path):
        self.root = ElementTree.parse(path).getroot()
        self.types = {element.get('id'): element for element in self.root.iter()
                      if element.get('id')}
        self.structures = {element.get('name'): element for element in self.root.iter('class-decl')
                           if element.findall('data-member')}

    def bits(self, identity):
        """The size of a type."""
        element = self.types[identity]
        if element.get('size-in-bits', '').isdigit():
            return int(element.get('size-in-bits'))
        below = element.get('underlying-type') if element.tag == 'enum-decl' else None
        if element.tag == 'enum-decl' and below is None:
            below = element.find('underlying-type').get('type-id')
        return self.bits(below or element.get('type-id'))

    def members(self, name):
        """Name, first bit and type of each member."""
        for member in self.structures[name].findall('data-member'):
            variable = member.find('var-decl')
            yield (variable.get('name'), int(member.get('layout-offset-in-bits')),
                   variable.get('type-id'))


def facts(recorded, name):
    """The lines of one structure."""
    size = int(recorded.structures[name].get('size-in-bits'))
    # Tables of operations may become longer: programs say how long theirs is.
    may_grow = name.endswith(('_ops', '_operations'))
    yield f'{"AT_LEAST" if may_grow else "SIZE"}({name}, {size // 8});'
    members = list(recorded.members(name))
    ends = [first for _, first, _ in members[1:]] + [size]
    for (member, first, identity), end in zip(members, ends):
        bits = recorded.bits(identity)
        # A member with less room than its type has is a bit-field.
        if first % 8 or end - first < bits or member in WIDE_BIT_FIELDS:
            yield f'BITS({name}, {member}, {first}, {min(bits, end - first)});'
        else:
            yield f'FIELD({name}, {member}, {first // 8}, {bits // 8});'


def main(path):
    recorded = Recorded(path)
    print(f'/* Made by make_facts.py from {path.rpartition("/")[2]}. */')
    for guard, names in PUBLIC.items():
        print(f'\n#ifdef {guard}')
        for name in names:
            if name in recorded.structures:
                print('\n'.join(facts(recorded, name)))
        print(f'#endif /* {guard} */')


if __name__ == '__main__':
    main(*sys.argv[1:])
