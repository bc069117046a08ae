# p-values of mclust's bootstrap test of one component against two, of VVV: called by power.py --reference.
#
#     Rscript power_mclust.R FOLDER REPLICATES

suppressMessages(library(mclust))
asked <- commandArgs(trailingOnly = TRUE)
set.seed(0)
for (file in sort(list.files(asked[1], full.names = TRUE))) {
  x <- as.matrix(read.csv(file, header = FALSE))
  test <- mclustBootstrapLRT(x, modelName = "VVV", nboot = as.integer(asked[2]), maxG = 1, verbose = FALSE)
  # Where it cannot fit two components it tests nothing.
  cat(if (is.null(test$p.value)) 1 else format(test$p.value[1], digits = 6), "\n")
}
