//! The guide for connector authors shows the code that is built and run.
use thyme_testkit::readme::examples;

#[test]
fn the_guide_shows_what_is_tested() {
    let guide = include_str!("../../../../docs/contributing/new-connector.md");
    let shown: Vec<_> = examples(guide, &["rust"]).into_iter().map(|(_, code)| code).collect();
    let built = [include_str!("../new_connector/source.rs"), include_str!("../new_connector/main.rs")];
    assert_eq!(shown.len(), built.len());
    for (shown, built) in shown.iter().zip(built) {
        assert_eq!(shown, built, "copy the file into docs/contributing/new-connector.md");
    }
    assert!(built[0].lines().count() <= 100, "the source of the walk-through is to stay small");
}
