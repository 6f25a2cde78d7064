//! Files over gRPC.

use leasehold_artifacts::Digest;
use leasehold_proto::updates::v1 as pb;
use tonic::Status;

use crate::repository::definition;
use crate::world::{Process, World, reason};

/// Everything from an offset: the length that was told, the bytes, and the sizes of the pieces.
async fn fetch(
    process: &Process,
    ticket: &[u8],
    content: &[u8],
    offset: u64,
) -> Result<(u64, Vec<u8>, Vec<usize>), Status> {
    let mut pieces = process.client().fetch_blob(request(ticket, content, offset)).await?.into_inner();
    let (mut length, mut bytes, mut sizes) = (0, Vec::new(), Vec::new());
    while let Some(piece) = pieces.message().await? {
        assert_eq!(piece.offset, offset + bytes.len() as u64);
        length = length.max(piece.length);
        sizes.push(piece.data.len());
        bytes.extend_from_slice(&piece.data);
    }
    Ok((length, bytes, sizes))
}

fn request(ticket: &[u8], content: &[u8], offset: u64) -> pb::FetchBlobRequest {
    let sha256 = Digest::of(content).as_bytes().to_vec();
    pb::FetchBlobRequest { instance: String::new(), ticket: ticket.to_vec(), sha256, offset }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_comes_in_pieces_from_any_offset() {
    let world = World::new().await;
    let content: Vec<u8> = (0..600_000_u32).map(|number| (number % 253) as u8).collect();
    world.vendor.release(definition("cad", "2.0"), &content, world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    let ticket = process.check_in("cad", ("", b"")).await.unwrap().ticket;
    for offset in [0, 1, 262_144, 599_999, 600_000] {
        let (length, bytes, sizes) = fetch(&process, &ticket, &content, offset).await.unwrap();
        assert_eq!((length, bytes.as_slice()), (600_000, &content[usize::try_from(offset).unwrap()..]));
        assert!(sizes.iter().all(|size| *size <= 256 * 1024), "{sizes:?}");
    }
    assert_eq!(reason(fetch(&process, &ticket, &content, 600_001).await), "INVALID_FIELD");
    assert_eq!(reason(fetch(&process, &ticket, b"another", 0).await), "NOT_FOUND");
    assert_eq!(reason(fetch(&process, b"forged", &content, 0).await), "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_downloads_go_on_at_a_time_and_one_that_ends_makes_room() {
    let mut world = World::new().await;
    world.max_downloads = 2;
    let content = vec![7; 8 << 20];
    world.vendor.release(definition("cad", "2.0"), &content, world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    let ticket = process.check_in("cad", ("", b"")).await.unwrap().ticket;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut pieces =
            process.client().fetch_blob(request(&ticket, &content, 0)).await.unwrap().into_inner();
        pieces.message().await.unwrap().unwrap();
        held.push(pieces);
    }
    assert_eq!(reason(fetch(&process, &ticket, &content, 0).await), "OVERLOADED");
    held.pop();
    crate::world::until("there is room again", || async {
        fetch(&process, &ticket, &content, 8 << 20).await.is_ok()
    })
    .await;
    // Who reads none of it does not keep the process from ending.
    process.stop().await;
}
