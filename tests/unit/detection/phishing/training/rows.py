"""Made-up labelled rows, easy to tell apart."""

import json
from pathlib import Path
from typing import Any

FILES = {
    "openphish": ("url", "phish", "http://login{i}.evil{i}.xyz/verify", "2025-01-01"),
    "jpcert": ("url", "phish", "http://secure-{i}x.bad{i}.top/", "2020-01-01"),
    "brandpages": ("url", "benign", "https://site{i}x.com/account", "2026"),
    "links": ("url", "benign", "https://garden{i}.org/blog/post", "2019"),
    "nazario": ("email", "phish", "Subject: verify {i}\n\nverify your account now {w}", "2020"),
    "phishing_pot": ("email", "phish", "Subject: prize {i}\n\nclaim your prize {w}", "2024"),
    "enron": ("email", "benign", "Subject: minutes {i}\n\nthe meeting moved {w}", "2001"),
    "csdmc2010": ("email", "benign", "Subject: patch {i}\n\nthe build failed {w}", "2010"),
    "enron-spam": ("email", "spam", "Subject: pills {i}\n\ncheap pills {w}", "2004"),
    "uci-sms": ("text", "benign", "{w} see you at dinner {i}", "2011"),
    "uci-spam": ("text", "spam", "{w} free prize call now {i}", "2011"),
    "exais-sms": ("text", "benign", "{w} good morning dear {i}", "2016"),
    "exais-spam": ("text", "spam", "{w} win airtime now {i}", "2016"),
}


def word(i: int) -> str:
    return "".join(chr(97 + (i * 7 + k * i) % 26) for k in range(9))


def made_up(n_each: int = 40) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [
            {
                "id": f"{name}-{word(i)}{i}-{i}",
                "label": label,
                "content_type": kind,
                "content": content.format(i=i, w=word(i)),
                "source": name.removesuffix("-spam"),
                "date": date,
            }
            for i in range(n_each)
        ]
        for name, (kind, label, content, date) in FILES.items()
    }


def write(folder: Path, n_each: int = 40) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in made_up(n_each).items():
        text = "\n".join(json.dumps(row) for row in rows)
        (folder / f"{name}.jsonl").write_text(text)
    return folder
