"""Words for made-up names and texts; nothing in them is anybody's."""

import random

FIRST = (
    "anna", "bela", "carla", "dario", "emil", "fatma", "goran", "hana", "igor", "jana", "karim",
    "lena", "mira", "nils", "olga", "pavel", "rosa", "sami", "tilda", "uwe", "vera", "yusuf",
)  # fmt: skip
LAST = (
    "abel", "borg", "castell", "dietz", "ekholm", "farkas", "gallo", "horvat", "ivers", "jansen",
    "kovacs", "lind", "moreau", "novak", "olsen", "petri", "quist", "rossi", "sander", "toth",
)  # fmt: skip
TOPICS = (
    "budget", "invoice", "contract", "minutes", "offer", "report", "plan", "summary", "agenda",
    "inventory", "schedule", "survey", "proposal", "letter", "receipt", "statement", "forecast",
    "checklist", "manual", "notes", "order", "payroll", "review", "roadmap", "tender", "training",
    "travel", "warranty", "insurance", "lease", "tax", "audit", "application", "certificate",
)  # fmt: skip
THINGS = (
    "garden", "kitchen", "boat", "bridge", "harbour", "window", "engine", "river", "market",
    "school", "tower", "winter", "summer", "museum", "station", "island", "factory", "library",
    "orchard", "valley", "castle", "bicycle", "piano", "forest", "lantern", "copper", "meadow",
)  # fmt: skip
PROJECTS = (
    "atlas", "beacon", "cobalt", "delta", "ember", "falcon", "granite", "helios", "indigo",
    "juniper", "kestrel", "lumen", "meridian", "nimbus", "orchid", "pioneer", "quartz", "raven",
)  # fmt: skip
CODE = (
    "parser", "client", "server", "queue", "cache", "token", "session", "handler", "router",
    "model", "view", "config", "utils", "logger", "worker", "storage", "reader", "writer",
    "index", "schema", "metrics", "retry", "stream", "buffer", "codec", "policy", "render",
    "table", "filter", "sorter", "adapter", "service", "factory", "context", "signal", "timer",
)  # fmt: skip
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
PROSE = (
    "the", "the", "the", "of", "and", "and", "to", "a", "in", "is", "that", "it", "was", "for",
    "on", "are", "as", "with", "they", "at", "be", "this", "from", "have", "or", "by", "one",
    "had", "not", "but", "what", "all", "were", "when", "we", "there", "can", "an", "your",
    "which", "their", "said", "if", "do", "will", "each", "about", "how", "up", "out", "them",
    "then", "she", "many", "some", "so", "these", "would", "other", "into", "has", "more",
    "delivery", "customer", "meeting", "quarter", "region", "figures", "department", "change",
    "agreement", "period", "amount", "decision", "project", "house", "water", "question",
    "morning", "account", "machine", "number", "group", "problem", "material", "example",
)  # fmt: skip


def prose(rng: random.Random, size: int) -> str:
    """Sentences, about `size` characters."""
    pool = [
        " ".join(rng.choices(PROSE, k=rng.randint(5, 18))).capitalize() + rng.choice(".....?!")
        for _ in range(min(200, size // 40 + 2))
    ]
    parts = rng.choices(pool, k=size // 55 + 1)
    for at in range(rng.randint(3, 8), len(parts), 7):
        parts[at] += rng.choice(("\n", "\n\n", f" ({rng.randint(1, 9999)})"))
    return " ".join(parts)[:size]


def person(rng: random.Random) -> str:
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}".title()


def date(rng: random.Random) -> str:
    return f"{rng.randint(2019, 2025)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def stem(rng: random.Random) -> str:
    """A file's name as people give them, without its extension."""
    topic, thing, project = rng.choice(TOPICS), rng.choice(THINGS), rng.choice(PROJECTS)
    shapes = (
        f"{topic}_{date(rng)}",
        f"{topic}-{rng.choice(LAST)}",
        f"{topic.title()} {thing} {rng.randint(2018, 2025)}",
        f"{project}_{topic}_v{rng.randint(1, 9)}",
        f"{topic} ({rng.randint(1, 9)})",
        f"{date(rng)} {topic} {rng.choice(LAST).title()}",
        f"{topic}{rng.randint(1, 999):03}",
        f"{thing}",
        f"{thing} {topic} final",
        f"{topic}_{rng.choice(MONTHS)[:3]}{rng.randint(18, 25)}",
    )
    return rng.choice(shapes)


def photo_stem(rng: random.Random) -> str:
    day = date(rng).replace("-", "")
    clock = f"{rng.randint(6, 23):02}{rng.randint(0, 59):02}{rng.randint(0, 59):02}"
    shapes = (
        f"IMG_{rng.randint(1000, 9999)}",
        f"DSC{rng.randint(10000, 99999)}",
        f"IMG_{day}_{clock}",
        f"P{rng.randint(1000000, 1099999)}",
        f"{rng.choice(THINGS)}-{rng.randint(1, 400)}",
        f"WA{rng.randint(1000, 9999)}",
    )
    return rng.choice(shapes)


def code_stem(rng: random.Random) -> str:
    return "_".join(rng.sample(CODE, rng.choice((1, 1, 2, 2, 3))))


def hash_name(rng: random.Random, length: int = 40) -> str:
    return f"{rng.getrandbits(length * 4):0{length}x}"
