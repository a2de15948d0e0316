//! Pure rules: lane machine, verdicts, journey pairing, fares, postings; used by gate and server.
