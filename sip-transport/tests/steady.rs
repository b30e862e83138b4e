//! In the steady state a datagram costs no heap allocation, and neither does a message on an open
//! connection.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use sip_core::output::Input;
use support::{PATIENCE, Rig, sip};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts the allocations of each thread.
struct Counting;

// SAFETY: everything is handed to the system's allocator as it came; counting touches only a
// thread-local number that needs no allocation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller's promises are those that System asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

/// Echoes until `n` messages went back.
fn echo(rig: &mut Rig, n: usize) {
    let mut echoed = 0;
    while echoed < n {
        let one = rig.one();
        one.turn(Duration::from_millis(10));
        while let Some(input) = one.inputs.pop_front() {
            if let Input::Message { flow, bytes } = input {
                one.send(flow.back(), bytes, Some(1));
                echoed += 1;
            }
        }
        one.flush();
    }
}

#[test]
fn datagrams_cost_no_allocation_once_warm() {
    for plain in [0, 1] {
        let mut rig = Rig::with(&["udp:127.0.0.1:0"], 1, &[("udp_plain", plain)]);
        let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
        phone.set_read_timeout(Some(PATIENCE)).unwrap();
        let m = sip("OPTIONS", &"x".repeat(300));
        let (to, mut buf, mut before) = (rig.addr(0), [0; 2000], 0);
        for round in 0..40 {
            if round == 20 {
                before = allocations();
            }
            for _ in 0..50 {
                phone.send_to(&m, to).unwrap();
            }
            echo(&mut rig, 50);
            for _ in 0..50 {
                phone.recv(&mut buf).unwrap();
            }
        }
        assert_eq!(allocations() - before, 0, "of 1,000 echoed datagrams, plain {plain}");
    }
}

#[test]
fn messages_on_a_connection_cost_next_to_no_allocation_once_warm() {
    let mut rig = Rig::new(&["tcp:127.0.0.1:0"]);
    let mut phone = TcpStream::connect(rig.addr(0)).unwrap();
    let stream = sip("OPTIONS", &"x".repeat(300)).repeat(50);
    let (mut buf, mut before) = (vec![0; stream.len()], 0);
    for round in 0..40 {
        if round == 20 {
            before = allocations();
        }
        phone.write_all(&stream).unwrap();
        echo(&mut rig, 50);
        phone.read_exact(&mut buf).unwrap();
        assert!(buf == stream);
    }
    // A message that straddles two reads is kept for a moment, and the queue's memory is given
    // back when the queue is empty.
    let per_message = (allocations() - before) as f64 / 1000.0;
    assert!(per_message < 0.2, "{per_message}");
}
