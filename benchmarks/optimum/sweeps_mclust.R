# The BIC of every cell that mclust fits, and the model that it chooses: called by sweeps_reference.py.
#
#     Rscript sweeps_mclust.R FOLDER LARGEST_G
#
# Of each FOLDER/NAME.csv, rows without a header, it writes NAME.bic (a matrix: G by model) and, where a cell
# could be fitted, NAME.best: the model, G, weights, means and covariances, one a line, as numbers in R's order.

suppressMessages(library(mclust))
asked <- commandArgs(trailingOnly = TRUE)

line <- function(values) paste(format(as.numeric(values), digits = 17, trim = TRUE), collapse = " ")

covariances <- function(variance, d, G) {
  if (d == 1) rep(variance$sigmasq, length.out = G) else variance$sigma
}

for (file in list.files(asked[1], pattern = "[.]csv$", full.names = TRUE)) {
  x <- as.matrix(read.csv(file, header = FALSE))
  bic <- tryCatch(mclustBIC(x, G = seq_len(as.integer(asked[2])), verbose = FALSE),
                  error = function(failure) { message(file, ": ", conditionMessage(failure)); NULL })
  if (is.null(bic)) next
  write.csv(unclass(bic)[, , drop = FALSE], sub("csv$", "bic", file))
  if (all(is.na(bic))) next
  best <- Mclust(x, x = bic, verbose = FALSE)
  found <- best$parameters
  writeLines(c(best$modelName, best$G, line(found$pro), line(found$mean),
               line(covariances(found$variance, ncol(x), best$G))), sub("csv$", "best", file))
}
cat(as.character(packageVersion("mclust")))
