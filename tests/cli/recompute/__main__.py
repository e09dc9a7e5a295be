"""Computes every number that vstar prints of a run again, from run.db and the definitions alone, and compares.

usage: recompute run PROGRAM FOLDER TABLE LOG          what `vstar run` or `demo` wrote to standard output and error
       recompute compare PROGRAM FOLDER TABLE SUITE    what `vstar compare` did, over the runs FOLDER/seed-*/*
"""
import sys

import checks
from data import check_exports, check_samples, check_trainings
from metrics import check_metrics
from printed import check_catch, check_log, check_report, check_status, check_table
from rundb import Run
from suite import check_compare, read_suite
from verbs import SHRUG, check_ask, check_audit, check_regrade


def main(what, program, folder, table, log):
    text = open(table).read()
    if what == "compare":
        check_compare(read_suite(folder, log), text)
        return
    run = Run(folder)
    check_samples(program, run)
    check_trainings(run)
    check_exports(program, run)
    check_metrics(run)
    check_table(run, text, "table")
    check_log(run, open(log).read())
    check_status(program, run)
    check_report(run)
    if run.has_model("verifier") and run.recipe["verifier.kind"] == "dpo":
        if "the verifier caught" in text or "by the verifier in this run" in text:
            check_catch(run, text)
        check_ask(program, run)
    check_regrade(program, run, "math-flexible")
    check_audit(program, check_regrade(program, run, "external", *SHRUG))


main(*sys.argv[1:6])
checks.finish()
