"""What an e-mail's sender, links and attachments say, by rules with fixed weights.

No set that may be trained on has whole phish messages beside whole harmless ones, so these
weights are chosen, not learnt; each is in logits and is added to the text model's.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from soc_copilot.detection.phishing.brands import Brands, is_own_place, known_brands
from soc_copilot.detection.phishing.mail import urls_in
from soc_copilot.detection.phishing.urls import parse_url, registered_domain
from soc_copilot.domain.phishing import Link, ParsedEmail, Reason, defang

UrlLogits = Callable[[Sequence[str]], Sequence[float]]

MAX_LINKS: Final = 20  # distinct targets that are scored, chosen: bounds the time per mail
MAX_OWN_LINKS: Final = 100  # chosen: bounds the time per mail
MAX_ADDED: Final = 4.0  # logits that all evidence together adds, chosen
# Chosen on mail that may be trained on: newsletters lead through counters of clicks.
_LINK_SHARE: Final = 0.4  # of the worst link's logit above `_LINK_FROM`
_LINK_FROM: Final = 1.0
_MAX_LINK: Final = 2.0
OWN_LINKS: Final = -2.0  # every link leads to a brand's own pages: no bait without a hook
_OTHER_TARGET: Final = 0.8
_BRAND_SENDER: Final = 1.2
_ADDRESS_NAME: Final = 0.8
_REPLY_ELSEWHERE: Final = 0.6
_FORM: Final = 1.0
_RISKY_FILE: Final = 1.0
_HIDDEN: Final = 0.4
_SHOWN_DOMAIN: Final = re.compile(
    r"(?:https?://)?((?:[a-z0-9-]{1,63}\.)+[a-z]{2,18})(?=[/?#:\s]|$)", re.IGNORECASE
)
_RISKY: Final = (
    *(".htm", ".html", ".shtml", ".xhtml", ".svg", ".exe", ".scr", ".js", ".jse", ".vbs", ".wsf"),
    *(".hta", ".iso", ".img", ".lnk", ".bat", ".cmd", ".ps1", ".jar", ".one", ".xlsm", ".docm"),
    *(".chm", ".msi"),
)
_FREE_MAIL: Final = frozenset(
    {"gmail.com", "yahoo.com", "outlook.com", "hotmail.com", "aol.com", "gmx.net", "gmx.de"}
    | {"mail.ru", "yandex.ru", "yandex.com", "protonmail.com", "proton.me", "icloud.com"}
    | {"live.com", "qq.com", "163.com", "126.com", "zoho.com"}
)


def weigh(mail: ParsedEmail, url_logits: UrlLogits) -> tuple[float, list[Reason]]:
    """What the rules add to a mail's logit, and why.

    Args:
        mail: Taken apart.
        url_logits: The URL model: higher than 0 is more likely phish.

    Returns:
        At least `OWN_LINKS`, at most `MAX_ADDED`; reasons, the strongest first.
    """
    brands = known_brands()
    found = [
        *_of_own_links(mail.links, brands),
        *_of_sender(mail, brands),
        *_of_links(mail.links, url_logits),
        *_of_parts(mail),
    ]
    found.sort(key=lambda reason: -reason.weight)
    return min(sum(reason.weight for reason in found), MAX_ADDED), found


def weigh_text(text: str, url_logits: UrlLogits) -> tuple[float, list[Reason]]:
    """What the links in a short text add to its logit, and why; as `weigh`."""
    found = _of_links(links_in(text), url_logits)
    return sum(reason.weight for reason in found), found


def links_in(text: str) -> list[Link]:
    """Links that stand in a text."""
    return [Link("", url, defang(url)) for url in urls_in(text)]


def targets_of(links: Sequence[Link]) -> list[str]:
    """Where links lead, those that are scored: each once, in order."""
    found = dict.fromkeys(
        link.target for link in links if link.target[:4].lower() in {"http", "www."}
    )
    return list(found)[:MAX_LINKS]


def domain_of(address: str) -> str:
    """The registered domain of an address, "" for none."""
    host = address.rpartition("@")[2]
    return registered_domain(host) if "." in host else ""


def _of_sender(mail: ParsedEmail, brands: Brands) -> list[Reason]:
    found = []
    domain = domain_of(mail.from_address)
    for sighting in brands.sightings(mail.from_name):
        brand = sighting.brand
        if not domain or brands.owns(brand, domain) or (brand.whole_only and len(brand.name) < 4):
            continue
        weight = _BRAND_SENDER / 2 if brand.whole_only else _BRAND_SENDER
        text = f'The sender calls itself "{mail.from_name}", and writes from {defang(domain)}.'
        found.append(Reason("sender", text, weight=weight))
        break
    named = re.search(r"[\w.+-]{1,64}@([\w-]{1,63}\.[\w.-]{2,63})", mail.from_name)
    if named and domain and registered_domain(named.group(1)) != domain:
        text = f"The sender's name shows another address than its own, {defang(domain)}."
        found.append(Reason("sender", text, weight=_ADDRESS_NAME))
    reply = domain_of(mail.reply_to)
    if reply and domain and reply != domain and reply in _FREE_MAIL:
        text = f"Answers go to {defang(reply)}, not to the sender's {defang(domain)}."
        found.append(Reason("reply-to", text, weight=_REPLY_ELSEWHERE))
    return found


def _of_own_links(links: Sequence[Link], brands: Brands) -> list[Reason]:
    targets = {link.target for link in links if link.target[:4].lower() in {"http", "www."}}
    if not targets or len(targets) > MAX_OWN_LINKS:
        return []
    if not all(is_own_place(parse_url(target), brands) for target in targets):
        return []
    return [Reason("link", "Every link leads to a known brand's own pages.", weight=OWN_LINKS)]


def _of_links(links: Sequence[Link], url_logits: UrlLogits) -> list[Reason]:
    found = []
    for link in links:
        shown = _SHOWN_DOMAIN.match(link.text.strip())
        if not shown or not link.target.lower().startswith(("http", "//")):
            continue
        says, leads = registered_domain(shown.group(1)), parse_url(link.target).registered_domain
        if "." in says and "." in leads and says != leads and says.partition(".")[0] not in leads:
            text = f"A link shows {defang(says)} and leads to {defang(leads)}."
            found.append(Reason("link", text, weight=_OTHER_TARGET))
            break
    if targets := targets_of(links):
        scored = list(url_logits(targets))
        worst = max(range(len(scored)), key=lambda i: scored[i])
        if scored[worst] > _LINK_FROM:
            weight = min(_LINK_SHARE * (scored[worst] - _LINK_FROM), _MAX_LINK)
            text = f"A link looks like phishing: {defang(targets[worst])[:200]}"
            found.append(Reason("link", text, weight=weight))
    return found


def _of_parts(mail: ParsedEmail) -> list[Reason]:
    found = []
    if mail.n_forms:
        found.append(Reason("form", "The message holds a form to fill in.", weight=_FORM))
    for file in mail.attachments:
        if file.name.lower().endswith(_RISKY):
            text = f'The attachment "{file.name}" can run or show what it likes.'
            found.append(Reason("attachment", text, weight=_RISKY_FILE))
            break
    if mail.n_hidden > 3:
        text = f"{mail.n_hidden} pieces of the message are written to be unseen."
        found.append(Reason("hidden", text, weight=_HIDDEN))
    return found
