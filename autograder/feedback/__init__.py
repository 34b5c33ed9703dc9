"""What people see: a sheet per student, the executed notebook beside it, a summary of the class."""

from autograder.feedback.brief import Brief, brief
from autograder.feedback.executed import executed
from autograder.feedback.files import ensure_writable, write, write_summary
from autograder.feedback.sheet import sheet
from autograder.feedback.summary import summary, tallied

__all__ = ["Brief", "brief", "ensure_writable", "executed", "sheet", "summary", "tallied", "write", "write_summary"]
