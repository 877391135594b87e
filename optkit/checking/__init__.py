"""Does somebody's optimizer do what a rule says, and if not, which known mistake is it?"""

from optkit.checking.catalogue import KNOWN
from optkit.checking.check import check
from optkit.checking.forms import FORMS
from optkit.checking.report import Report

__all__ = ["FORMS", "KNOWN", "Report", "check"]
