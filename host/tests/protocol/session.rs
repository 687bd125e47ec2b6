//! One session between a client and a server on the reference machine, with keys from the system.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use addax::mpc::{Channel, TranscriptEntry};
use addax::protocol::{Answer, Client, ClientLimits, ProtocolError, ServerModel, SessionReport};
use addax::random::PartyRandomness;
use addax_core::isa::Geometry;
use addax_core::machine::Reference;

pub struct Run {
    pub answers: Vec<Answer>,
    pub report: SessionReport,
    pub transcript: Vec<TranscriptEntry>,
}

/// Runs a server's session on the reference machine, in a thread of its own, beside a client, which gets the connected stream.
pub fn beside<T>(
    model: &ServerModel,
    client: impl FnOnce(TcpStream) -> T,
) -> (T, Result<SessionReport, ProtocolError>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let stream = listener.accept().unwrap().0;
            let patience = Some(Duration::from_secs(20));
            stream.set_read_timeout(patience).unwrap();
            let basis = &**model.context().basis();
            let mut storage = vec![0; Geometry::DEFAULT.slots() * basis.n()];
            let mut machine = Reference::new(basis, Geometry::DEFAULT, &mut storage[..]).unwrap();
            let randomness = PartyRandomness::from_system().unwrap();
            model.serve(&mut Channel::new(stream), &mut machine, randomness, |_| {})
        });
        let result = client(TcpStream::connect(address).unwrap());
        (result, server.join().expect("the server does not panic"))
    })
}

/// Classifies images in one session.
pub fn run(model: &ServerModel, images: &[Vec<u8>]) -> Run {
    let ((answers, layers, transcript), report) = beside(model, |stream| {
        let mut channel = Channel::new(stream);
        channel.record_transcript();
        let randomness = PartyRandomness::from_system().unwrap();
        let mut client = Client::connect(channel, &ClientLimits::default(), randomness).unwrap();
        let answers = images
            .iter()
            .map(|image| client.classify(image, |_| {}).unwrap())
            .collect();
        let transcript = client.channel().transcript().to_vec();
        (answers, client.finish().unwrap(), transcript)
    });
    let report = report.unwrap();
    for (ours, theirs) in layers.iter().zip(&report.layers) {
        assert_eq!(
            (ours.bytes_up, ours.bytes_down),
            (theirs.bytes_up, theirs.bytes_down)
        );
    }
    Run {
        answers,
        report,
        transcript,
    }
}
