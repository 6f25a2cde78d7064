//! Asking a server whether it is ready, as health checks do.

use std::net::TcpListener;

use rustix::process::Signal;

use crate::support::Place;

#[test]
fn a_server_says_that_it_is_ready_and_one_that_is_gone_does_not() {
    let place = Place::initialised();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = free.local_addr().unwrap().to_string();
    drop(free);
    let server = place.serve_alone(&[("LEASEHOLD__ADMIN__LISTEN", &admin)]);
    assert_eq!(place.leasehold(["health", "--address", &admin]).expect(0).stdout, "ready\n");
    assert_eq!(place.leasehold(["health", "--live", "--address", &admin]).expect(0).stdout, "live\n");
    let services = server.address.clone();
    place.leasehold(["health", "--timeout", "5", "--address", &services]).expect_error(7, &[&services]);
    server.stop(Signal::TERM);
    place.leasehold(["health", "--address", &admin]).expect_error(7, &["is the server running?"]);
    // The environment of these tests has no listener.
    place.leasehold(["health"]).expect_error(1, &["`admin.listen` is empty", "--address"]);
}
