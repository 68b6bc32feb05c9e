"""A Bayesian factorization machine over blocks of facts, by Gibbs sampling."""
