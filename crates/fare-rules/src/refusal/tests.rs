//! Tests of the list of refusals.
