% Mixtures as people save them: octave-cli tests/data/export/octave.m, in this folder. Package statistics.
pkg load statistics
mu = [0 0; 3 1; 6 -2]; Sigma = cat(3, [1 0.3; 0.3 0.5], [0.4 0; 0 2], [1 -0.5; -0.5 1]); p = [0.2 0.3 0.5];
at = [0 0; 1 1; 3 0; 6 -1];
gm = gmdistribution(mu, Sigma, p);
density = pdf(gm, at); P = posterior(gm, at);
s = struct("mu", gm.mu, "Sigma", gm.Sigma, "ComponentProportion", gm.ComponentProportion);
save("-v7", "octave_struct.mat", "s", "at", "density", "P");
ComponentProportion = p; Sigma = cat(3, [1 0.5], [0.4 2], [3 1]);
gm = gmdistribution(mu, Sigma, p); density = pdf(gm, at); P = posterior(gm, at);
save("-v7", "octave_diagonal.mat", "mu", "Sigma", "ComponentProportion", "at", "density", "P");
Sigma = [1 0.3; 0.3 0.5];
gm = gmdistribution(mu, Sigma, p); density = pdf(gm, at); P = posterior(gm, at);
save("-v7", "octave_shared.mat", "mu", "Sigma", "ComponentProportion", "at", "density", "P");
Sigma = [1 0.5];
gm = gmdistribution(mu, Sigma, p); density = pdf(gm, at); P = posterior(gm, at);
save("-v7", "octave_both.mat", "mu", "Sigma", "ComponentProportion", "at", "density", "P");
mu = [0; 3]; Sigma = cat(3, 1, 4); ComponentProportion = [0.5 0.5]; at = [0; 1];
gm = gmdistribution(mu, Sigma, ComponentProportion); density = pdf(gm, at); P = posterior(gm, at);
save("-v7", "octave_one_feature.mat", "mu", "Sigma", "ComponentProportion", "at", "density", "P");
