//! Futures that know nothing of the engine, as a route may await them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// A future of nobody's: ready once another thread or the test has put a value in.
#[derive(Clone, Default)]
pub struct Later(Arc<Mutex<(Option<u32>, Option<Waker>)>>);

impl Later {
    pub fn finish(&self, value: u32) {
        let waker = {
            let mut inner = self.0.lock();
            inner.0 = Some(value);
            inner.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub fn is_polled(&self) -> bool {
        self.0.lock().1.is_some()
    }
}

impl Future for Later {
    type Output = u32;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        let mut inner = self.0.lock();
        match inner.0.take() {
            Some(value) => Poll::Ready(value),
            None => {
                inner.1 = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Both, polled in turn whenever one is woken.
pub struct Both<A: Future, B: Future>(
    Pin<Box<A>>,
    Option<A::Output>,
    Pin<Box<B>>,
    Option<B::Output>,
);

pub fn both<A: Future, B: Future>(a: A, b: B) -> Both<A, B> {
    Both(Box::pin(a), None, Box::pin(b), None)
}

impl<A: Future, B: Future> Future for Both<A, B>
where
    A::Output: Unpin,
    B::Output: Unpin,
{
    type Output = (A::Output, B::Output);
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.1.is_none()
            && let Poll::Ready(done) = this.0.as_mut().poll(cx)
        {
            this.1 = Some(done);
        }
        if this.3.is_none()
            && let Poll::Ready(done) = this.2.as_mut().poll(cx)
        {
            this.3 = Some(done);
        }
        match (this.1.take(), this.3.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (this.1, this.3) = (a, b);
                Poll::Pending
            }
        }
    }
}

/// The first of two to be ready; the other is dropped with the answer.
pub struct First<A, B>(pub A, pub B);

pub enum Won<A, B> {
    Left(A),
    Right(B),
}

impl<A: Future + Unpin, B: Future + Unpin> Future for First<A, B> {
    type Output = Won<A::Output, B::Output>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(a) = Pin::new(&mut self.0).poll(cx) {
            return Poll::Ready(Won::Left(a));
        }
        Pin::new(&mut self.1).poll(cx).map(Won::Right)
    }
}

/// Polls what it holds only when that was woken, as sets of futures do.
pub struct OnlyWhenWoken<F> {
    future: Pin<Box<F>>,
    flag: Arc<Flag>,
}

struct Flag {
    woken: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

impl std::task::Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        let outer = self.outer.lock().take();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

pub fn only_when_woken<F: Future>(future: F) -> OnlyWhenWoken<F> {
    let flag = Flag { woken: true.into(), outer: Mutex::new(None) };
    OnlyWhenWoken { future: Box::pin(future), flag: Arc::new(flag) }
}

impl<F: Future> Future for OnlyWhenWoken<F> {
    type Output = F::Output;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        *self.flag.outer.lock() = Some(cx.waker().clone());
        if !self.flag.woken.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&self.flag));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}
