"""What the numbers of Windows events mean."""

import re

from soc_copilot.parsing.windows_actions import (
    ACCESSED_OBJECT,
    CHANGED_PERMISSIONS,
    CREATED_PROCESS,
    FILE_ACCESSES,
    GROUP_MEMBERS,
    MEANINGS,
)


def test_each_number_of_a_family_means_one_thing():
    keys = [(m.family, m.code) for m in MEANINGS]
    assert len(set(keys)) == len(keys)


def test_actions_are_spelled_like_all_others():
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", m.action) for m in MEANINGS)
    assert {m.outcome for m in MEANINGS} <= {"success", "failure", "by-status", None}


def test_numbers_with_members_and_processes_are_known():
    codes = {str(m.code) for m in MEANINGS if m.family == "security"}
    assert {*GROUP_MEMBERS, CREATED_PROCESS, ACCESSED_OBJECT, CHANGED_PERMISSIONS} <= codes


def test_no_right_stands_for_two_things():
    masks = [mask for mask, _ in FILE_ACCESSES]
    assert sum(masks) == masks[0] | masks[1] | masks[2] | masks[3]
