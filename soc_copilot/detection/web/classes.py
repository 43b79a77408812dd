"""The classes of web attack that are told apart, and what an analyst should know of each."""

from dataclasses import dataclass
from typing import Final

from soc_copilot.domain.findings import Severity


@dataclass(frozen=True, slots=True)
class AttackClass:
    """One class of attack.

    Attributes:
        name: Last part of the rule, "sqli" of "web.sqli".
        title: As in "SQL injection", for titles and summaries.
        technique: ATT&CK id.
        severity: When nothing says that it worked.
        check: What to look at next, one sentence.
        capec: CAPEC id of the nearest attack pattern, "" where none fits.
    """

    name: str
    title: str
    technique: str
    severity: Severity
    check: str
    capec: str = ""


# Almost all are T1190 (Exploit Public-Facing Application): the technique is the exploit, not
# what it would have led to. Reading files by traversal is T1190 as well, since T1083 (File and
# Directory Discovery) is done from inside. XSS aims at visitors: T1189 (Drive-by Compromise).
# Probing for files is T1595.003 (Wordlist Scanning), a known tool T1595.002.
# Of CAPEC, where a class joins several patterns, the one met most often is named.
# JNDI look-ups stand under Object Injection, by way of CWE-502 of CVE-2021-44228.
# Source: MITRE CAPEC 3.9.
CLASSES: Final = (
    AttackClass(
        "sqli", "SQL injection", "T1190", Severity.MEDIUM,
        "Check the database log at these times for errors, slow queries or unusual statements.",
        capec="CAPEC-66",
    ),
    AttackClass(
        "xss", "Cross-site scripting", "T1189", Severity.MEDIUM,
        "Check whether the page shows the value unescaped, or stored it where others see it.",
        capec="CAPEC-63",
    ),
    AttackClass(
        "traversal", "Path traversal", "T1190", Severity.MEDIUM,
        "Compare the size of the answers with a normal one: a file may have been handed out.",
        capec="CAPEC-126",
    ),
    AttackClass(
        "inclusion", "Remote file inclusion", "T1190", Severity.MEDIUM,
        "Look in the server's outgoing connections for the address named in the request.",
        capec="CAPEC-193",
    ),
    AttackClass(
        "cmdi", "Command injection", "T1190", Severity.HIGH,
        "Look for child processes of the web server at these times.",
        capec="CAPEC-88",
    ),
    AttackClass(
        "ssrf", "Server-side request forgery", "T1190", Severity.MEDIUM,
        "Look for connections from the server to the inner address named in the request.",
        capec="CAPEC-664",
    ),
    AttackClass(
        "xxe", "XML external entity", "T1190", Severity.MEDIUM,
        "Check whether the XML parser resolves entities, and the server's outgoing connections.",
        capec="CAPEC-201",
    ),
    AttackClass(
        "ssti", "Template injection", "T1190", Severity.MEDIUM,
        "Check whether the answer holds the result of the expression instead of its text.",
        capec="CAPEC-242",
    ),
    AttackClass(
        "jndi", "JNDI lookup (Log4Shell)", "T1190", Severity.HIGH,
        "Look for LDAP, RMI or DNS connections from the server to the address in the lookup.",
        capec="CAPEC-586",
    ),
    AttackClass(
        "query", "NoSQL, LDAP or XPath injection", "T1190", Severity.MEDIUM,
        "Check the directory's or document store's log for queries that match everything.",
        capec="CAPEC-676",
    ),
    AttackClass(
        "crlf", "Header or protocol injection", "T1190", Severity.MEDIUM,
        "Check whether the answer carried the injected header.",
        capec="CAPEC-34",
    ),
    AttackClass(
        "code", "Code or object injection", "T1190", Severity.HIGH,
        "Look for new files and child processes of the application at these times.",
        capec="CAPEC-242",
    ),
    AttackClass(
        "probe", "Probing for files and pages", "T1595.003", Severity.LOW,
        "List which of the probed paths were answered with 200.",
        capec="CAPEC-87",
    ),
    AttackClass(
        "other", "Suspicious request", "T1190", Severity.LOW,
        "Read the marked part of the request and decide what the program does with it.",
    ),
    # Never from the model: set by the names that scanning tools give themselves.
    AttackClass(
        "scanner", "Vulnerability scanner", "T1595.002", Severity.LOW,
        "Ask whether a scan by this address was ordered; if not, list its requests by answer.",
        capec="CAPEC-310",
    ),
)  # fmt: skip

NAMES: Final = tuple(c.name for c in CLASSES)
N_MODEL_CLASSES: Final = NAMES.index("scanner")
OTHER: Final = NAMES.index("other")
SCANNER: Final = NAMES.index("scanner")

# What tools call themselves in User-Agent by default.
# Source: their documentation and default configuration.
SCANNER_AGENTS: Final = (
    "sqlmap/", "nikto", "nmap scripting engine", "masscan/", "zgrab/", "nuclei", "wpscan",
    "acunetix", "netsparker", "invicti", "nessus", "openvas", "w3af", "arachni", "dirbuster",
    "gobuster", "feroxbuster", "ffuf", "wfuzz", "whatweb", "jaeles", "havij", "qualys", "zaproxy",
    "commix", "dirsearch", "skipfish", "vega/", "fimap", "burpcollaborator",
)  # fmt: skip
