//! Who goes next, by the account alone; and threads that really take turns.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    thread,
};

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// On a clock that shows these milliseconds.
fn turns_by(hand: &Arc<AtomicU64>) -> Arc<Turns> {
    let hand = Arc::clone(hand);
    Turns::new(Clock::new(move || ms(hand.load(SeqCst))))
}

fn seat(turns: &Arc<Turns>) -> Seat {
    turns.seat(Arc::new(Pulse::new(Clock::monotonic())))
}

/// Until so many have or want a turn.
fn until_wanted_by(turns: &Turns, count: usize) {
    while turns.queue().seats.values().filter(|account| account.wants).count() < count {
        thread::yield_now();
    }
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
    let readings = AtomicU64::new(0);
    // Between two readings a whole slice has passed.
    let turns = Turns::new(Clock::new(move || SLICE * u32::try_from(readings.fetch_add(1, SeqCst)).unwrap()));
    let inside = AtomicBool::new(false);
    let counts = [const { AtomicUsize::new(0) }; 3];
    thread::scope(|scope| {
        for count in &counts {
            let seat = seat(&turns);
            let inside = &inside;
            scope.spawn(move || {
                for turn in 0..200 {
                    seat.take();
                    for _layer in 0..3 {
                        assert!(!inside.swap(true, SeqCst), "two at once");
                        thread::yield_now();
                        inside.store(false, SeqCst);
                        seat.offer();
                    }
                    count.fetch_add(1, SeqCst);
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
    let (first, second) = (seat(&turns), seat(&turns));
    first.take();
    let waiting = thread::spawn(move || {
        second.take();
        second.turns.queue().is_held_by(second.id)
    });
    drop(first);
    assert!(waiting.join().unwrap());
}

#[test]
fn within_a_long_step_one_that_has_had_less_goes_first_and_the_turn_comes_back() {
    let hand = Arc::<AtomicU64>::default();
    let turns = turns_by(&hand);
    let pulse = Arc::new(Pulse::new(turns.clock.clone()));
    let (long, short) = (turns.seat(Arc::clone(&pulse)), seat(&turns));
    pulse.working();
    long.take();
    let order = Mutex::new(Vec::new());
    let did = |what: &'static str| order.lock().unwrap().push(what);
    let age_meanwhile = thread::scope(|scope| {
        let other = scope.spawn(|| {
            short.take();
            hand.store(100, SeqCst);
            did("short step");
            let age = pulse.step_age();
            short.leave();
            age
        });
        until_wanted_by(&turns, 2);
        hand.store(4, SeqCst);
        long.offer();
        did("first layers");
        hand.store(6, SeqCst);
        long.offer();
        did("last layers");
        other.join().unwrap()
    });
    assert_eq!(*order.lock().unwrap(), ["first layers", "short step", "last layers"]);
    assert_eq!(age_meanwhile, Duration::ZERO, "who waits within its step does not stall");
    assert_eq!(long.waited(), ms(94));
    assert_eq!(turns.queue().account(long.id).used, ms(6));
    hand.store(103, SeqCst);
    assert_eq!(pulse.step_age(), ms(3));
    long.leave();
    assert_eq!(turns.queue().account(long.id).used, ms(9));
}

#[test]
fn within_a_long_step_a_turn_stays_where_nobody_waits_or_has_had_less() {
    let hand = Arc::<AtomicU64>::default();
    let turns = turns_by(&hand);
    let (one, other) = (seat(&turns), seat(&turns));
    other.take();
    hand.store(1000, SeqCst);
    other.leave();
    one.take();
    hand.store(1050, SeqCst);
    one.offer();
    let kept_at = thread::scope(|scope| {
        scope.spawn(|| other.take());
        until_wanted_by(&turns, 2);
        one.offer();
        let kept_at = turns.queue().since;
        let holder = turns.queue().holder;
        one.leave();
        (holder == Some(one.id)).then_some(kept_at)
    });
    assert_eq!(kept_at, Some(ms(1050)), "the other has had 1000 ms, and this one 50");
    assert_eq!(turns.queue().holder, Some(other.id));
}

#[test]
fn who_was_idle_during_a_long_step_is_owed_nothing_for_it() {
    let hand = Arc::<AtomicU64>::default();
    let turns = turns_by(&hand);
    let (one, other) = (seat(&turns), seat(&turns));
    one.take();
    hand.store(10_000, SeqCst);
    one.offer();
    let mut queue = turns.queue();
    assert!(queue.is_held_by(one.id));
    queue.arrive(other.id);
    let [late, busy] = [other.id, one.id].map(|id| queue.account(id).used);
    assert_eq!(late, busy);
    queue.leave(other.id, Duration::ZERO);
}

#[test]
fn who_has_no_turn_offers_none_and_gets_none() {
    let hand = Arc::<AtomicU64>::default();
    let turns = turns_by(&hand);
    let (one, other) = (seat(&turns), seat(&turns));
    one.offer();
    assert_eq!(turns.queue().holder, None);
    other.take();
    hand.store(1000, SeqCst);
    one.offer();
    let mut queue = turns.queue();
    assert!(queue.is_held_by(other.id) && !queue.account(one.id).wants);
}
