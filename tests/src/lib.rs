//! Tests of the whole system, across crates. The tests are in `tests/`, this library holds nothing.
