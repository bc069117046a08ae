# Fits of mclust, as JSON: what tests/export/test_mclust.py reads. Rscript tests/data/export/mclust.R
suppressMessages(library(mclust)); library(jsonlite)
fits <- list()
keep <- function(name, fit, at) {
  p <- fit$parameters
  fits[[name]] <<- list(fit = unclass(fit)[c("modelName", "n", "d", "G", "loglik", "df", "bic", "icl", "hypvol", "parameters")],
    at = at, z = predict(fit, newdata = at)$z,
    log_density = dens(data = at, modelName = fit$modelName, parameters = p, logarithm = TRUE))
}
F <- as.matrix(faithful); I <- as.matrix(iris[, 1:4])
some <- seq(1, 150, by = 10)
keep("faithful", Mclust(F, G = 2, modelNames = "VVV", verbose = FALSE), F[1:15, ])
for (m in mclust.options("emModelNames"))
  keep(m, Mclust(I, G = if (m == "VEV") 2 else 3, modelNames = m, verbose = FALSE), I[some, ])
for (m in c("VVV", "EEI", "EII")) keep(paste0("one ", m), Mclust(I, G = 1, modelNames = m, verbose = FALSE), I[some, ])
for (m in c("E", "V")) keep(m, Mclust(F[, 2], G = 2, modelNames = m, verbose = FALSE), F[1:15, 2])
keep("X", Mclust(F[, 2], G = 1, verbose = FALSE), F[1:15, 2])
set.seed(1)
N <- rbind(F, cbind(runif(40, 0, 6), runif(40, 40, 100)))
keep("noise", Mclust(N, G = 2, modelNames = "VVV", initialization = list(noise = 272 + 1:40), verbose = FALSE), N[c(1:5, 280:290), ])
write(toJSON(fits, digits = NA, auto_unbox = TRUE), commandArgs(TRUE)[1])
