//! Progress on stderr, when that is a terminal.

use std::time::Duration;

use addax::accel::Opened;
use addax_core::machine::RingProcessor;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar of `length` steps.
pub fn bar(length: u64, what: &'static str) -> ProgressBar {
    let template = "{msg:>24} {bar:30} {human_pos}/{human_len} {elapsed}";
    let bar = ProgressBar::new(length).with_message(what);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Something that turns while work of unknown length is done.
pub fn spinner(what: impl Into<std::borrow::Cow<'static, str>>) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(what);
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

/// An executor whose transfers are shown, if it is a device.
pub fn watched(opened: Opened<'_>) -> Box<dyn RingProcessor + Send + '_> {
    let Opened::Device(mut client) = opened else {
        return opened.into_machine();
    };
    let bar = bar(0, "words to and from device");
    client.on_progress(move |transfer| {
        bar.set_length(transfer.all);
        bar.set_position(transfer.done);
        if transfer.done >= transfer.all {
            bar.finish_and_clear();
            bar.reset();
        }
    });
    client
}
