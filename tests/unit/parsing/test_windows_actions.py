"""What the numbers of Windows events mean."""

import re

from soc_copilot.parsing.windows_actions import CREATED_PROCESS, GROUP_MEMBERS, MEANINGS


def test_each_number_of_a_family_means_one_thing():
    keys = [(m.family, m.code) for m in MEANINGS]
    assert len(set(keys)) == len(keys)


def test_actions_are_spelled_like_all_others():
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", m.action) for m in MEANINGS)
    assert {m.outcome for m in MEANINGS} <= {"success", "failure", "by-status", None}


def test_numbers_with_members_and_processes_are_known():
    codes = {str(m.code) for m in MEANINGS if m.family == "security"}
    assert {*GROUP_MEMBERS, CREATED_PROCESS} <= codes
