//! Who goes next, by the account alone; and threads that really take turns.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
};

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Seats that always have work, with steps of these lengths: how much time each has had after so many steps.
fn shares(steps: &[u64], count: usize) -> Vec<Duration> {
    let mut queue = FairQueue::default();
    let ids: Vec<u64> = steps.iter().map(|_| queue.join()).collect();
    for id in &ids {
        queue.arrive(*id);
    }
    let mut had = vec![Duration::ZERO; steps.len()];
    for _ in 0..count {
        let holder = queue.holder.unwrap();
        let index = ids.iter().position(|id| *id == holder).unwrap();
        had[index] += ms(steps[index]);
        queue.charge(holder, ms(steps[index]));
    }
    had
}

#[test]
fn time_is_shared_in_equal_parts_however_long_steps_are() {
    let had = shares(&[100, 10, 1], 3000);
    let (least, most) = (had.iter().min().unwrap(), had.iter().max().unwrap());
    assert!(most.saturating_sub(*least) <= ms(100), "{had:?}");
    assert!(*least > ms(2000), "{had:?}");
}

#[test]
fn of_equal_accounts_the_one_that_waits_longest_goes_first() {
    let mut queue = FairQueue::default();
    let ids: Vec<u64> = (0..3).map(|_| queue.join()).collect();
    for id in &ids {
        queue.arrive(*id);
    }
    let mut order = Vec::new();
    for _ in 0..6 {
        let holder = queue.holder.unwrap();
        order.push(holder);
        queue.charge(holder, Duration::ZERO);
    }
    assert_eq!(order, [ids.clone(), ids].concat());
}

#[test]
fn whoever_was_idle_is_owed_nothing() {
    let mut queue = FairQueue::default();
    let (busy, late) = (queue.join(), queue.join());
    queue.arrive(busy);
    for _ in 0..1000 {
        queue.charge(busy, ms(10));
    }
    queue.arrive(late);
    assert_eq!(queue.holder, Some(busy), "a turn that was begun is not taken away");
    queue.charge(busy, ms(10));
    let mut turns = [0, 0];
    for _ in 0..100 {
        let holder = queue.holder.unwrap();
        turns[usize::from(holder == late)] += 1;
        queue.charge(holder, ms(10));
    }
    assert!(turns[0] >= 49 && turns[1] >= 49, "{turns:?}");
}

#[test]
fn who_leaves_is_not_waited_for_and_may_come_back() {
    let mut queue = FairQueue::default();
    let (one, two) = (queue.join(), queue.join());
    queue.arrive(one);
    queue.arrive(two);
    queue.leave(one, ms(50));
    for _ in 0..20 {
        assert_eq!(queue.holder, Some(two));
        queue.charge(two, ms(10));
    }
    queue.arrive(one);
    queue.leave(two, ms(10));
    assert_eq!(queue.holder, Some(one));
    queue.leave(one, ms(10));
    assert_eq!(queue.holder, None);
}

#[test]
fn turns_never_overlap_and_everyone_has_some() {
    let turns = Turns::new(Clock::monotonic());
    let inside = AtomicBool::new(false);
    let counts = [const { AtomicUsize::new(0) }; 3];
    thread::scope(|scope| {
        for count in &counts {
            let mut seat = turns.seat();
            let inside = &inside;
            scope.spawn(move || {
                for turn in 0..200 {
                    seat.take();
                    assert!(!inside.swap(true, SeqCst), "two at once");
                    count.fetch_add(1, SeqCst);
                    inside.store(false, SeqCst);
                    if turn % 7 == 0 {
                        seat.leave();
                    }
                }
            });
        }
    });
    assert!(counts.iter().all(|count| count.load(SeqCst) == 200));
    assert_eq!(turns.queue().seats.len(), 0, "seats are given up");
}

#[test]
fn a_seat_that_is_dropped_in_its_turn_holds_nobody_up() {
    let turns = Turns::new(Clock::monotonic());
    let (mut first, mut second) = (turns.seat(), turns.seat());
    first.take();
    let waiting = thread::spawn(move || {
        second.take();
        second.since.is_some()
    });
    drop(first);
    assert!(waiting.join().unwrap());
}
