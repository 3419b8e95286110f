use super::Tally;

fn tally(text: &str) -> Tally {
    let mut tally = Tally::default();
    text.lines().for_each(|line| tally.line(line));
    tally
}

#[test]
fn sums_over_binaries_and_keeps_reasons() {
    let tally = tally(
        "running 3 tests\n\
         test a ... ok\n\
         test b ... ignored, needs a broker\n\
         test c ... ignored, soak: 200 kills\n\
         test [soak] f ... ignored\n\
         test result: ok. 1 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
         test d - (line 3) ... FAILED\n\
         test e ... ok\n\
         test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s\n",
    );
    assert_eq!(tally.to_string(), "2 passed, 1 failed, 1 skipped");
    assert_eq!(tally.skipped, ["b: needs a broker"]);
    assert_eq!(tally.soak, 2);
    assert_eq!(tally.failures, ["d - (line 3)"]);
    assert!(tally.close().is_err());
}

#[test]
fn an_ignored_test_never_vanishes() {
    let tally = tally("test a ... ignored\ntest result: ok. 1 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out\n");
    assert_eq!(tally.to_string(), "1 passed, 0 failed, 3 skipped");
    assert!(tally.close().is_ok());
}

#[test]
fn nothing_run_is_a_failure() {
    assert!(tally("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out\n").close().is_err());
}
