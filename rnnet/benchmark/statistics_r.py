"""What R and pROC say of scores: the script that makes the reference values of the tests, and its run."""

from __future__ import annotations

import csv
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rnnet.benchmark.statistics_cases import ScoredCase, write_cases
from rnnet.core.errors import MissingDependencyError

# (name of the case, name of the value) to the value.
Values = dict[tuple[str, str], float]

# Reads a file of write_cases, prints case, name, value with 17 digits below a line with the versions.
R_SCRIPT = r"""
suppressMessages(library(pROC))
cases <- read.csv(commandArgs(trailingOnly = TRUE)[1], stringsAsFactors = FALSE)
cat(sprintf("# %s, pROC %s\n", R.version.string, packageVersion("pROC")))
cat("case,name,value\n")
say <- function(case, name, value) cat(sprintf("%s,%s,%.17g\n", case, name, as.numeric(value)))

# Obuchowski 1997, equations as printed there, lesion by lesion and cluster by cluster.
obuchowski_variance <- function(y, p, group) {
  psi <- function(x, z) if (x > z) 1 else if (x == z) 0.5 else 0
  pos <- which(y == 1); neg <- which(y == 0); m <- length(pos); n <- length(neg)
  v10 <- sapply(pos, function(i) mean(sapply(neg, function(j) psi(p[i], p[j]))))
  v01 <- sapply(neg, function(j) mean(sapply(pos, function(i) psi(p[i], p[j]))))
  theta <- mean(v10); s10 <- 0; s01 <- 0; s11 <- 0; ids <- unique(group)
  for (g in ids) {
    d10 <- sum(v10[group[pos] == g]) - sum(group[pos] == g) * theta
    d01 <- sum(v01[group[neg] == g]) - sum(group[neg] == g) * theta
    s10 <- s10 + d10^2; s01 <- s01 + d01^2; s11 <- s11 + d10 * d01
  }
  i10 <- length(unique(group[pos])); i01 <- length(unique(group[neg])); i <- length(ids)
  i10 / ((i10 - 1) * m) * s10 / m + i01 / ((i01 - 1) * n) * s01 / n + 2 * i / (i - 1) * s11 / (m * n)
}

for (case in unique(cases$case)) {
  d <- cases[cases$case == case, ]
  ra <- roc(d$y, d$a, levels = c(0, 1), direction = "<", quiet = TRUE)
  rb <- roc(d$y, d$b, levels = c(0, 1), direction = "<", quiet = TRUE)
  for (level in c(0.95, 0.8)) {
    bounds <- suppressWarnings(ci.auc(ra, conf.level = level, method = "delong"))
    say(case, sprintf("low_%g", level), bounds[1]); say(case, sprintf("high_%g", level), bounds[3])
  }
  say(case, "auc_a", auc(ra)); say(case, "auc_b", auc(rb))
  say(case, "variance_a", suppressWarnings(var(ra, method = "delong")))
  if (var(ra) + var(rb) > 0) {
    test <- roc.test(ra, rb, method = "delong", paired = TRUE)
    say(case, "z", test$statistic); say(case, "p", test$p.value)
  }
  say(case, "youden", suppressWarnings(max(coords(ra, "all", ret = "youden", transpose = FALSE)$youden)) - 1)
  say(case, "obuchowski_variance", obuchowski_variance(d$y, d$a, d$group))
  overlap <- max(d$a[d$y == 0]) > min(d$a[d$y == 1]) && max(d$a[d$y == 1]) > min(d$a[d$y == 0])
  if (overlap && min(d$a) > 0 && max(d$a) < 1) {
    x <- qlogis(d$a)
    control <- glm.control(epsilon = 1e-14, maxit = 100)
    line <- coef(glm(d$y ~ x, family = binomial, control = control))
    say(case, "calibration_intercept", line[1]); say(case, "calibration_slope", line[2])
    say(case, "in_the_large", coef(glm(d$y ~ 1 + offset(x), family = binomial, control = control))[1])
  }
  for (cut in c(0, 0.1, 0.3, 0.5, 0.85, 0.99)) {
    called <- d$a >= cut & d$a > 0
    benefit <- mean(called & d$y == 1) - mean(called & d$y == 0) * cut / (1 - cut)
    say(case, sprintf("net_benefit_%g", cut), benefit)
  }
}

# Over folds: R's own paired t-test, and the variance of Nadeau and Bengio 2003 in its place.
a <- c(0.91, 0.88, 0.95, 0.83, 0.90); b <- c(0.87, 0.86, 0.90, 0.84, 0.85); d <- a - b; k <- length(d)
plain <- t.test(a, b, paired = TRUE)
say("folds", "t_uncorrected", plain$statistic); say("folds", "p_uncorrected", plain$p.value)
t <- mean(d) / sqrt((1 / k + 22 / 87) * var(d))
say("folds", "t", t); say("folds", "p", 2 * pt(-abs(t), k - 1))
p <- c(0.01, 0.04, 0.03, 0.04, 0.5, 0.0001)
adjusted <- p.adjust(p, "holm")
for (i in seq_along(p)) say("holm", sprintf("p%d", i), adjusted[i])
"""


def run_r(cases: Sequence[ScoredCase], rscript: Path) -> str:
    """What the script prints for the cases.

    Raises:
        MissingDependencyError: R stops, because it has no pROC for example; its last line says why.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cases(folder / "cases.csv", cases)
        (folder / "reference.R").write_text(R_SCRIPT, encoding="utf-8")
        done = subprocess.run(
            [str(rscript), "--vanilla", str(folder / "reference.R"), str(folder / "cases.csv")], capture_output=True,
            text=True, check=False,
        )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise MissingDependencyError(f"R cannot compute the reference values: {why}", where=rscript,
                                     fix="Install pROC: apt-get install r-cran-proc, or install.packages('pROC').")
    return done.stdout


def parse_reference(text: str) -> tuple[str, Values]:
    """(versions, values) of what the script printed."""
    head, _, table = text.partition("\n")
    rows = csv.DictReader(table.splitlines())
    return head.removeprefix("# "), {(row["case"], row["name"]): float(row["value"]) for row in rows}
