"""The page: one self-contained HTML file that says what a run found and lets people look at it."""

from tacit.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]
