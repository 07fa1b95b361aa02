"""The audit: every statement and proof step held against a pool of instances, in dependency order.

:func:`audit` walks the registry and gives an :class:`Audit`: evidence for each statement (with the finding nearest to
failure as a case that can be replayed), the status that follows from it and from all that the statement rests on, the
waterfalls of :mod:`verify.audit.waterfall`, which say where along a proof a bound gets loose, and findings.
"""

from verify.audit.evidence import EVIDENCE, Evidence
from verify.audit.findings import Found
from verify.audit.order import walk
from verify.audit.run import Audit, audit
from verify.audit.status import LEVELS, Audited, audited
from verify.audit.waterfall import WATERFALLS, Part, Waterfall

__all__ = [
    "EVIDENCE",
    "LEVELS",
    "WATERFALLS",
    "Audit",
    "Audited",
    "Evidence",
    "Found",
    "Part",
    "Waterfall",
    "audit",
    "audited",
    "walk",
]
