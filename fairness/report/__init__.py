from fairness.report.document import dump_result, from_dict, load_result, to_dict
from fairness.report.write import write_report

__all__ = ["dump_result", "from_dict", "load_result", "to_dict", "write_report"]
