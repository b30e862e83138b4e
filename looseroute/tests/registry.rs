//! What modules declare, as routes and programs use it: functions with their arguments and kinds of
//! routes, parameters with their types and times, and a module of the host's own.

mod kit;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kit::futures::{First, Later, Won};
use kit::{DOMAIN, Told};
use looseroute::core::time::Duration;
use looseroute::module_api::flow::{Flow, Resumed, Suspend};
use looseroute::module_api::job::{Completion, Job, JobQueue, JobRunner};
use looseroute::module_api::module::{InitCx, InitError};
use looseroute::module_api::registry::{Declare, IntParam, When};
use looseroute::prelude::*;
use looseroute::{Action, Engine, Module, ParamError, RouteMask, RpcError};
use parking_lot::Mutex;

const PHONE: &str = "10.0.0.2:5062";

/// What a route's calls to functions came to.
type Told1 = Arc<Mutex<Vec<String>>>;

/// Runs `ask` in a route and answers what it notes.
fn in_a_route<F, Fut>(ask: F) -> Vec<String>
where
    F: Fn(Call, Told1) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), RouteError>> + Send + 'static,
{
    let notes = Told1::default();
    let inside = notes.clone();
    let builder = Engine::builder().domain(DOMAIN).log(looseroute::Level::Critical, |_| {});
    let t = Told::new(builder.request_route(move |call| ask(call, inside.clone())));
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "bob"));
    let answer = t.sent_one(PHONE);
    let mut notes = std::mem::take(&mut *notes.lock());
    notes.push(answer.start);
    notes
}

#[test]
fn mistakes_in_calling_functions_are_told_and_the_route_goes_on() {
    let notes = in_a_route(|call, notes| async move {
        let note = |result: Result<Value, ActionError>| {
            let text = result.map_or_else(|e| e.to_string(), |v| v.to_string());
            notes.lock().push(text);
        };
        note(call.function("send_reply", [200.into()]).await);
        note(call.function("t_relay", [1.into(), 2.into(), 3.into()]).await);
        note(call.function("t_relai", []).await);
        let named = Action::Named { name: "lookupp".into(), args: Default::default() };
        note(call.perform(named).await);
        note(call.function("send_reply", [99.into(), "Low".into()]).await);
        note(call.function("send_reply", [200.into(), 7.into()]).await);
        note(call.function("send_reply", [200.into(), "a\r\nEvil: 1".into()]).await);
        note(call.function("save", ["nowhere".into()]).await);
        note(call.function("is_myself", []).await);
        Ok(call.reply(200, "OK").await?)
    });
    let expected = [
        "send_reply takes 2 to 2 arguments, 1 given",
        "t_relay takes 0 to 2 arguments, 3 given",
        "no function is named `t_relai`",
        "no function is named `lookupp`",
        "send_reply: argument 1 must be a code from 100 to 699",
        "send_reply: argument 2 must be a reason of one line",
        "send_reply: argument 2 must be a reason of one line",
    ];
    assert_eq!(notes[..7], expected);
    assert!(notes[7].contains("save"), "{}", notes[7]);
    assert_eq!(notes[8..], ["1", "SIP/2.0 200 OK"]);
}

#[test]
fn an_error_that_a_route_does_not_handle_is_a_500_and_counted() {
    let notes = in_a_route(|call, _| async move {
        call.function("no_such_function", []).await?;
        Ok(())
    });
    assert_eq!(notes, ["SIP/2.0 500 Server Internal Error"]);
    let notes = in_a_route(|_, _| async move { Err("the route's own reason".into()) });
    assert_eq!(notes, ["SIP/2.0 500 Server Internal Error"]);
    // An answer that was given before the mistake is not followed by another.
    let notes = in_a_route(|call, _| async move {
        call.reply(404, "Gone").await?;
        Err("afterwards".into())
    });
    assert_eq!(notes, ["SIP/2.0 404 Gone"]);
}

#[test]
fn a_second_answer_is_refused() {
    let notes = in_a_route(|call, notes| async move {
        call.reply(486, "Busy").await?;
        let again = call.reply(200, "OK").await.expect_err("it was answered");
        notes.lock().push(again.to_string());
        let relayed = call.relay().await.expect_err("it was answered");
        notes.lock().push(relayed.to_string());
        Ok(())
    });
    assert_eq!(notes[0], "the request was answered with 486 already");
    assert_eq!(notes[1], "the request was answered or relayed already");
    assert_eq!(notes[2], "SIP/2.0 486 Busy");
}

// ---- a module of the host's own ----

/// Counts, waits for work of its own thread, and has every kind of declaration.
#[derive(Default)]
struct Mine {
    step: Option<IntParam>,
    early: Option<IntParam>,
    queue: std::sync::OnceLock<JobQueue>,
    calls: AtomicU64,
    ended: Arc<AtomicU64>,
    /// What ends the waits of `held`, for the test to use.
    held: Mutex<Vec<Completion>>,
}

struct Worker(Arc<AtomicU64>);

impl JobRunner for Worker {
    fn run(&mut self, batch: &mut Vec<Job>) {
        for job in batch.drain(..) {
            let (Ok(n), Some(done)) = (job.work.downcast::<i64>(), job.done) else { continue };
            match *n {
                // Lost: the completion is dropped unused.
                0 => drop::<Completion>(done),
                n => done.complete(Box::new(n * 2)),
            }
        }
    }

    fn finish(&mut self) {
        self.0.fetch_add(10, Ordering::SeqCst);
    }
}

impl Module for Mine {
    fn name(&self) -> &'static str {
        "mine"
    }

    fn doc(&self) -> &'static str {
        "a module of the tests"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        if let (Some(step), Some(early)) = (&self.step, &self.early) {
            d.int("step", step, 1..=10, When::Always, "how far count goes");
            d.int("early", early, 0..=1, When::BeforeStart, "only before the start");
        }
        d.event("mine:counted", &["n"], "count was called");
        let mine = Arc::clone(&self);
        d.function("count", 0..=0, RouteMask::REQUEST, "count(): counts", move |cx, _, _| {
            let step = mine.step.as_ref().map_or(1, IntParam::get);
            let n = mine.calls.fetch_add(step as u64, Ordering::SeqCst) as i64 + step;
            cx.engine.events.emit("mine:counted", || smallvec::smallvec![("n", Value::from(n))]);
            Flow::Return(n)
        });
        d.function("stop_here", 0..=0, RouteMask::ANY, "ends the route", |_, _, _| Flow::Exit);
        d.function("only_failure", 0..=0, RouteMask::FAILURE, "not in requests", |_, _, _| {
            Flow::Return(1)
        });
        let mine = Arc::clone(&self);
        d.function(
            "twice",
            1..=1,
            RouteMask::REQUEST,
            "twice(n): doubles elsewhere",
            move |cx, _, args| {
                let n = args[0].as_int().unwrap_or(0);
                let done = Some(cx.completion());
                let Some(queue) = mine.queue.get() else {
                    return Flow::Error(ActionError::Module("no queue".into()));
                };
                if queue.submit(Job { work: Box::new(n), done }).is_err() {
                    return Flow::Error(ActionError::Overload("the queue is full".into()));
                }
                Flow::Suspend(Suspend {
                    deadline: Some(Duration::from_secs(5)),
                    then: Box::new(|_, _, with| match with {
                        Resumed::Done(result) => {
                            Flow::Return(result.downcast::<i64>().map_or(-1, |n| *n))
                        }
                        Resumed::Deadline => Flow::Error(ActionError::Deadline("doubling")),
                        _ => Flow::Return(-5),
                    }),
                })
            },
        );
        self.clone().declare_waits(d);
        let mine = Arc::clone(&self);
        d.rpc("mine.calls", "how often count was called", move |_, _| {
            match mine.calls.load(Ordering::SeqCst) {
                0 => Err(RpcError::new(404, "never")),
                n => Ok(RpcValue::from(n)),
            }
        });
    }

    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        let queue = cx.job_queue("mine", 4, 2, Box::new(Worker(Arc::clone(&self.ended))));
        self.queue.set(queue).map_err(|_| InitError::new("mine", "is initialised twice"))
    }

    fn shutdown(&self, _now: looseroute::core::time::Now) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

impl Mine {
    fn declare_waits(self: Arc<Self>, d: &mut Declare<'_>) {
        let mine = Arc::clone(&self);
        d.function("held", 0..=0, RouteMask::REQUEST, "waits for the test", move |cx, _, _| {
            mine.held.lock().push(cx.completion());
            let mine = Arc::clone(&mine);
            Flow::Suspend(Suspend {
                deadline: None,
                then: Box::new(move |_, _, _| {
                    mine.calls.fetch_add(1, Ordering::SeqCst);
                    Flow::Return(77)
                }),
            })
        });
        d.function("broken", 0..=0, RouteMask::REQUEST, "loses its completion", |cx, _, _| {
            drop(cx.completion());
            Flow::Error(ActionError::Module("broken".into()))
        });
    }
}

fn mine() -> Arc<Mine> {
    let step = Some(IntParam::new(1));
    Arc::new(Mine { step, early: Some(IntParam::new(0)), ..Mine::default() })
}

/// An engine with the module, whose route does `ask`.
fn with_mine<F, Fut>(module: Arc<Mine>, ask: F) -> (Told, Arc<Mutex<Vec<String>>>)
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), RouteError>> + Send + 'static,
{
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = events.clone();
    let builder = Engine::builder()
        .domain(DOMAIN)
        .log(looseroute::Level::Critical, |_| {})
        .module(module)
        .on_event(move |event| {
            if event.name == "mine:counted" {
                seen.lock().push(format!("{:?}", event.fields));
            }
        })
        .request_route(ask);
    (Told::new(builder), events)
}

#[test]
fn a_module_of_the_hosts_own_is_like_those_built_in() {
    let (t, events) = with_mine(mine(), |call| async move {
        let n = call.function("count", []).await?;
        let wrong = call.function("only_failure", []).await.expect_err("this is a request route");
        Ok(call.reply(200, &format!("{n} {wrong}")).await?)
    });
    assert_eq!(t.engine.rpc("mine.calls", &[]), Err(RpcError::new(404, "never")));
    t.engine.modparam("mine", "step", 3).expect("it may be set");
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "bob"));
    let answer = t.sent_one(PHONE).start;
    assert_eq!(answer, "SIP/2.0 200 3 only_failure may not be used in a request route");
    assert_eq!(t.engine.rpc("mine.calls", &[]), Ok(RpcValue::Int(3)));
    assert_eq!(events.lock().len(), 1);
    let module = t.engine.registry().modules().iter().find(|m| m.name == "mine");
    assert_eq!(module.map(|m| m.doc), Some("a module of the tests"));
}

#[test]
fn a_function_may_end_the_route() {
    let (t, _) = with_mine(mine(), |call| async move {
        call.function("stop_here", []).await?;
        Ok(call.reply(200, "Never").await?)
    });
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "bob"));
    assert!(t.sent().is_empty());
    assert_eq!((t.engine.live().0, t.statistic("core", "unanswered_requests")), (0, 1));
}

#[test]
fn a_function_waits_for_its_own_thread_and_a_lost_job_ends_the_wait() {
    let (t, _) = with_mine(mine(), |call| async move {
        let (a, lost) =
            (call.function("twice", [21.into()]).await?, call.function("twice", [0.into()]).await?);
        Ok(call.reply(200, &format!("{a} {lost}")).await?)
    });
    let (send, woken) = std::sync::mpsc::channel();
    let send = Mutex::new(send);
    t.engine.set_wakeup(move || {
        let _nobody_waits = send.lock().send(());
    });
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "bob"));
    for _ in 0..2 {
        woken.recv_timeout(kit::PATIENCE).expect("the job is done");
        t.engine.handle_timeout(t.now());
    }
    assert_eq!(t.sent_one(PHONE).start, "SIP/2.0 200 42 -5");
    t.settle();
}

#[test]
fn a_function_that_lost_a_race_runs_to_its_end() {
    let later = Later::default();
    let (inside, module) = (later.clone(), mine());
    let (t, _) = with_mine(Arc::clone(&module), move |call| {
        let inside = inside.clone();
        async move {
            let lost = matches!(First(call.function("held", []), inside).await, Won::Right(_));
            if call.method() == Method::Info {
                // What comes next waits for the function that still runs, and gets its own result.
                let next = call.function("is_myself", []).await?;
                call.reply(200, &format!("{lost} {next}")).await?;
            }
            Ok(())
        }
    });
    let calls = || module.calls.load(Ordering::SeqCst);
    let end_of_held = || {
        let held = module.held.lock().pop().expect("the function runs");
        held.complete(Box::new(()));
        t.pass(1);
    };
    // A route that ends: its function is not forgotten for that.
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "bob"));
    later.finish(1);
    t.pass(1);
    assert_eq!((calls(), t.engine.live().0), (0, 1));
    end_of_held();
    assert_eq!((calls(), t.engine.live().0), (1, 0));
    // A route that goes on.
    t.say(PHONE, &Told::request(PHONE, "INFO", "bob"));
    later.finish(2);
    t.pass(1);
    assert!(t.sent().is_empty());
    end_of_held();
    assert_eq!((calls(), t.sent_one(PHONE).start.as_str()), (2, "SIP/2.0 200 true 1"));
    t.settle();
}

#[test]
fn a_completion_lost_by_a_function_that_failed_ends_no_later_wait() {
    let (t, _) = with_mine(mine(), |call| async move {
        let error = call.function("broken", []).await.expect_err("it is broken");
        call.pause(Duration::from_millis(200)).await?;
        Ok(call.reply(200, &error.to_string()).await?)
    });
    t.say(PHONE, &Told::request(PHONE, "OPTIONS", "bob"));
    t.pass(150);
    assert!(t.sent().is_empty(), "the pause is as long as it was to be");
    t.pass(60);
    assert_eq!(t.sent_one(PHONE).start, "SIP/2.0 200 broken");
}

#[test]
fn modules_are_told_of_the_end_before_their_threads_are() {
    let module = mine();
    let ended = Arc::clone(&module.ended);
    let (t, _) = with_mine(module, |call| async move { Ok(call.reply(200, "OK").await?) });
    assert!(t.engine.shutdown(Duration::ZERO));
    assert_eq!(ended.load(Ordering::SeqCst), 11);
    drop(t);
    assert_eq!(ended.load(Ordering::SeqCst), 11, "once");
}

#[test]
fn parameters_are_checked_before_and_after_the_start() {
    let builder = || {
        let route = |_: Call| async move { Ok(()) };
        Engine::builder()
            .listen("udp:10.0.0.9:5060")
            .without_sockets()
            .module(mine())
            .request_route(route)
    };
    let wrong = [
        builder().modparam("mine", "step", 11),
        builder().modparam("mine", "step", "far"),
        builder().modparam("mine", "stepp", 1),
        builder().modparam("mien", "step", 1),
        builder().modparam("usrloc", "db_url", 5),
    ];
    let texts: Vec<String> =
        wrong.map(|b| b.build().err().map_or_else(String::new, |e| e.to_string())).into();
    assert_eq!(texts[0], "mine.step takes 1 to 10, not 11");
    assert!(texts[1].starts_with("mine.step takes an integer"), "{}", texts[1]);
    assert_eq!(texts[2], "module mine has no parameter `stepp`; did you mean `step`?");
    assert_eq!(texts[3], "no module is named `mien`");
    assert!(texts[4].starts_with("usrloc.db_url takes a string"), "{}", texts[4]);

    let engine = builder().modparam("mine", "early", 1).build().expect("the engine builds");
    engine.modparam("mine", "early", 0).expect("it is not driven yet");
    engine.handle_timeout(looseroute::core::time::Now::default());
    let late = engine.modparam("mine", "early", 1).expect_err("it is driven");
    let expected = ParamError::TooLate { module: "mine", name: "early" };
    assert!(matches!(&late, EngineError::Param(e) if *e == expected), "{late}");
    engine.modparam("mine", "step", 5).expect("this one at any time");
    assert!(engine.modparam("mine", "step", 0).is_err());
    let value = engine.rpc("modparam.getn", &["mine".into(), "step".into()]);
    assert_eq!(value, Ok(RpcValue::Int(5)));
}

#[test]
fn a_module_that_cannot_start_says_why() {
    let twice = mine();
    let route = |_: Call| async move { Ok(()) };
    let builder =
        || Engine::builder().listen("udp:10.0.0.9:5060").without_sockets().request_route(route);
    let first = builder().module(Arc::clone(&twice) as Arc<dyn Module>).build();
    assert!(first.is_ok());
    let error = builder().module(twice).build().err().expect("it is in use");
    assert_eq!(error.to_string(), "module mine: is initialised twice");
    let error = builder().location_store("sqlite:///nowhere/at/all.db").build().err();
    let text = error.expect("there is no such directory").to_string();
    assert!(text.contains("usrloc") && text.contains("/nowhere/at/all.db"), "{text}");
    let error = builder().location_store("pigeon://x").build().err();
    assert!(error.is_some_and(|e| e.to_string().contains("pigeon")));
}
