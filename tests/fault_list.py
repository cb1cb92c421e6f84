"""Every fault that the radar must survive, and what then happens: the rows of docs/reliability.md.

How a row is tried is not written here: a test says `@pytest.mark.fault("F1")`, and tests/test_reliability.py gathers them.
`scripts` are longer trials that stay out of the suite.
"""

from typing import NamedTuple

__all__ = ["FAULTS", "Fault"]


class Fault(NamedTuple):
    """One row: its key, the group it is listed under, what goes wrong, and what the radar does."""

    key: str
    group: str
    fault: str
    then: str
    scripts: tuple[str, ...] = ()


EXCHANGE, MARKET, PROCESS, DISK = (
    "The exchange refuses, fails or lies",
    "The market does odd things",
    "The process, its clock and its load",
    "Disks and files",
)
ALERTS, PEOPLE, OPEN = "Alerts and their channels", "People and what they type", "A public address"
ALL_FAULTS, KILL_LOOP, SOAK, WATCH = "trials/all_faults.py", "trials/kill_loop.py", "trials/soak.py", "benchmarks/watch.py"
PROXIES = "trials/behind_proxies.py"

FAULTS = (
    Fault(
        "F1",
        EXCHANGE,
        "429 with Retry-After",
        "No request to that family of hosts until then; tiles keep their values and age; it goes on by itself.",
        (ALL_FAULTS,),
    ),
    Fault(
        "F2",
        EXCHANGE,
        "429 without Retry-After, or an absurd one",
        "A pause of our own that doubles; dates are read; nothing silences it for much longer than three days, the longest real ban.",
    ),
    Fault(
        "F3",
        EXCHANGE,
        "418 (banned), and a restart meanwhile",
        "The ban's end is stored: nothing is asked before it, by the new process either.",
        (ALL_FAULTS,),
    ),
    Fault(
        "F4",
        EXCHANGE,
        "The server's weight is nearly used up",
        "Books and history wait first, prices last; nothing is refused by the exchange.",
    ),
    Fault("F5", EXCHANGE, "The weight header is missing, garbage or too low", "The larger of both counts is believed."),
    Fault(
        "F6",
        EXCHANGE,
        "451: not served from this location",
        "One probe every 15 minutes, one sentence on the page, no other host tried.",
        (ALL_FAULTS,),
    ),
    Fault("F7", EXCHANGE, "403 from the firewall, as HTML", "A pause that grows each time; its text is shown nowhere.", (ALL_FAULTS,)),
    Fault(
        "F8",
        EXCHANGE,
        "500, 502, 503",
        "Retried once or twice with jitter, spot on the next host; after five in a row a pause and one probe.",
        (ALL_FAULTS,),
    ),
    Fault(
        "F9",
        EXCHANGE,
        "200 with HTML or text where JSON belongs",
        "Counted as a failure, not read; the last value ages. What it calls itself does not matter: JSON is read.",
        (ALL_FAULTS,),
    ),
    Fault("F10", EXCHANGE, "Connections refused, or cut in the middle of a body", "As F8."),
    Fault("F11", EXCHANGE, "Names do not resolve", "As F8, in one sentence without addresses that hold tokens."),
    Fault("F12", EXCHANGE, "The exchange hangs", "Every request ends at its deadline of 8 s; the others go on.", (ALL_FAULTS,)),
    Fault("F13", EXCHANGE, "A body that drips, a byte a second", "Cut at the deadline; the other symbols are on time."),
    Fault("F14", EXCHANGE, "A body without end, or one that unpacks to gigabytes", "Cut at its limit; memory stays."),
    Fault(
        "F15",
        EXCHANGE,
        "JSON that is truncated, doubled or followed by rubbish",
        "Counted as a failure; nothing half-read is kept. A field that is said twice is unknown.",
    ),
    Fault("F16", EXCHANGE, "Wrong types, missing and added fields", "Only that field or row is unknown; the others are read."),
    Fault("F17", EXCHANGE, "Numbers that are none: NaN, Infinity, empty, 1_000, full-width digits, 1e400", "Unknown, never a number."),
    Fault(
        "F18",
        EXCHANGE,
        "Empty lists of open interest, payments or candles",
        "The change is unknown, not 0; the interval is the usual 8 hours, said to be assumed; nothing is GREEN by it, and it is asked again.",
    ),
    Fault("F19", EXCHANGE, "Negative open interest or volume, a price of 0", "That reading is no reading."),
    Fault("F20", EXCHANGE, "The index is 0 or missing", "Basis unknown, never GREEN."),
    Fault(
        "F21",
        EXCHANGE,
        "A book that is empty, one-sided, crossed or too narrow",
        "Its ratio is unknown, or of the widest band that both sides cover, which is named.",
    ),
    Fault(
        "F22",
        MARKET,
        "A number out of all proportion to the last one, for one answer",
        "A price is shown as it came, and is in no bar and no mean unless the next answer confirms it; open interest and turnover stay what they"
        " were until then; no alert before it has held for two looks.",
    ),
    Fault(
        "F23",
        EXCHANGE,
        "The exchange repeats an old answer with status 200",
        "Stale by the exchange's own time, and a clock that repeats itself is no clock. A spot book carries no time.",
    ),
    Fault(
        "F24",
        EXCHANGE,
        "Answers out of order, or twice",
        "Nothing older replaces anything newer; nothing from the future is taken; the same minute is stored once.",
    ),
    Fault(
        "F25",
        MARKET,
        "A symbol is delisted while watched",
        "Marked DELISTED when a second look confirms it, no longer asked for, its history kept, told once; the others go on.",
    ),
    Fault(
        "F26",
        MARKET,
        "The funding interval changes; the next payment is 0 or past",
        "The schedule is read again, rates before and after are each per hour; an unknown countdown is n/a.",
    ),
    Fault(
        "F27",
        PROCESS,
        "The local clock is ten minutes, or days, off",
        "Ages and countdowns follow the exchange's clock; nothing is thrown away by a clock that the exchange has not confirmed.",
    ),
    Fault(
        "F28",
        PROCESS,
        "The local clock jumps, or the machine sleeps for two hours",
        "No burst of requests, no negative age, the gap stays a gap where it cannot be read again.",
    ),
    Fault("F29", PROCESS, "Daylight saving, other time zones", "Everything is kept in UTC; a zone changes what is printed alone."),
    Fault(
        "F30",
        EXCHANGE,
        "Every host is down for an hour",
        "One message that data are lost and one that they are back; no alert of a symbol meanwhile; few probes; the gap is read again afterwards.",
        (ALL_FAULTS,),
    ),
    Fault("F31", EXCHANGE, "One endpoint is down", "What depends on it ages and is unknown; everything else is fresh.", (ALL_FAULTS,)),
    Fault(
        "F32",
        PROCESS,
        "An unexpected error inside the collector",
        "Logged, counted and said on the page while it lasts; the next step follows as if nothing had happened.",
    ),
    Fault("F33", PROCESS, "The collector stands still", "Health answers 503, the page says that nobody collects, the heartbeat stops."),
    Fault(
        "F34",
        DISK,
        "Another tool locks the database",
        "One write waits 5 s, the next ones do not; ten minutes wait in memory and are written later; pages go on, no second process takes over.",
        (ALL_FAULTS,),
    ),
    Fault("F35", DISK, "The disk is full", "Answers come from memory, alerts go on, the page says so; writing resumes by itself."),
    Fault(
        "F36",
        DISK,
        "A folder that is missing, read-only or a file",
        "One line at the start that says what to do; what becomes read-only in use is as F35.",
    ),
    Fault(
        "F37",
        DISK,
        "The market file is damaged",
        "At the start or in use: set aside with its companions, a new one is filled from the exchange; the user's file is untouched.",
    ),
    Fault(
        "F38",
        DISK,
        "The user's file is damaged",
        "At the start or in use, and where it is missing: restored from its newest sound copy; alerts are paused until somebody has looked, and the"
        " page says so.",
    ),
    Fault(
        "F39",
        PROCESS,
        "kill -9 at any moment",
        "Databases sound; nothing decided or entered is lost, and no bar older than the last minute; one message at most is repeated, and says so.",
        (KILL_LOOP,),
    ),
    Fault(
        "F40",
        DISK,
        "The power fails and the last writes never reached the disk",
        "The user's file keeps what was confirmed; the market file may lose its last commits and stays sound.",
    ),
    Fault("F41", PROCESS, "Two processes on one folder", "One collects and tells, both serve."),
    Fault("F42", PROCESS, "Twenty visitors meet a cold server at once", "One collector."),
    Fault(
        "F43",
        DISK,
        "A file of an older or of a newer version",
        "An older one is brought up to date, all steps or none; a newer one is refused with a sentence and left as it is.",
    ),
    Fault(
        "F44",
        ALERTS,
        "A channel is down for half an hour",
        "Messages wait, in order, with growing pauses; what came late says so.",
        (ALL_FAULTS,),
    ),
    Fault("F45", ALERTS, "A channel answers 429 with Retry-After", "Not tried before; the others are on time."),
    Fault(
        "F46",
        ALERTS,
        "A channel refuses the token, or is gone (401, 403, 404, 410)",
        "Shown as needing attention, tried once a message; the others are on time.",
    ),
    Fault("F47", ALERTS, "A channel never answers", "Cut at its deadline, in a thread of its own; collecting is not delayed."),
    Fault("F48", ALERTS, "One of three channels fails", "The other two get the message once."),
    Fault(
        "F49",
        ALERTS,
        "A kill between sending and noting that it was sent",
        "Repeated once at most, and that one says that it may be a repetition.",
        (KILL_LOOP,),
    ),
    Fault(
        "F50", ALERTS, "A rule turns on and off at every look", "Held back after the first, with the reason in the log; told if it lasts."
    ),
    Fault(
        "F51",
        ALERTS,
        "A threshold is changed, or the symbol removed, while an alert is open",
        "Judged anew; nothing is told twice; a symbol that leaves says once that nobody looks any more, and tells nothing after it.",
    ),
    Fault("F52", ALERTS, "Hundreds of symbols turn RED at once", "One message a channel, as long as it takes, with a count of the rest."),
    Fault(
        "F53", PEOPLE, "Symbols that are none: markup, SQL, paths, emoji, NUL, 10 kB", "A sentence; nothing is stored and nothing asked."
    ),
    Fault("F54", OPEN, "Hostile text in the exchange's answers", "Text everywhere: pages, CSV, alerts. Nothing runs, nothing is fetched."),
    Fault("F55", PEOPLE, "A watchlist of hundreds", "Refused with the computed weight; the budget holds at any length."),
    Fault(
        "F56",
        PEOPLE,
        "Settings and thresholds that are wrong, huge, NaN or contradict each other",
        "A sentence that names the field; what was valid stays.",
    ),
    Fault(
        "F57",
        OPEN,
        "Secrets in places where somebody could read them",
        "None in logs, errors, pages, exports, databases or the process list.",
    ),
    Fault(
        "F58",
        OPEN,
        "Channels that point into private networks, at files, or elsewhere by a redirect",
        "Refused with the reason; nothing is connected to.",
    ),
    Fault("F59", OPEN, "Requests made to break the API", "No 5xx but the documented 503; only documented errors."),
    Fault(
        "F60",
        OPEN,
        "Writes without the token, with a wrong one, from another origin, as a form",
        "403 or 415, compared in constant time, and 429 after five wrong tokens; nothing has changed.",
        (PROXIES,),
    ),
    Fault("F61", OPEN, "A websocket from another origin or host", "Refused."),
    Fault("F62", OPEN, "A public address with neither password nor token", "Read-only, and it says how to change that."),
    Fault("F63", PEOPLE, "A tab that stays open for a day, a laptop that sleeps", "It comes back by itself; memory stays.", (WATCH, SOAK)),
    Fault("F64", PEOPLE, "Caches cleared, reruns without end", "The collector does not notice."),
    Fault("F65", PEOPLE, "The first start, without any history", "The score says how much it waits for; nothing is GREEN by default."),
    Fault(
        "F66",
        PROCESS,
        "SIGTERM in the middle of a write; logs that cannot be written",
        "A clean stop within seconds, the lease given back and the logs in their files; or it goes on without the log.",
    ),
)
