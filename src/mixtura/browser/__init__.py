"""A fit as one file for the browser: `report` of an estimator."""

from mixtura.browser.subject import Comparison, Subject
from mixtura.browser.writing import check_report_target, write_report

__all__ = ["Comparison", "Subject", "check_report_target", "write_report"]
