//! Marks are asserted as values; then every picture is laid out by another program (usvg) to see that no text is
//! clipped or covers another; snapshots of the SVG were viewed, in colour and in grey, before they were accepted.

mod sample;

use resvg::usvg;

use super::*;
use sample::{Size, all};

fn frame() -> Frame {
    Frame { cut_off: Some("2019-03-31 23:59 UTC".into()), synthetic: true }
}

/// Outline of each text as drawn, with its words.
fn texts(svg: &str) -> Vec<(String, usvg::Rect)> {
    fn walk(group: &usvg::Group, found: &mut Vec<(String, usvg::Rect)>) {
        for node in group.children() {
            match node {
                usvg::Node::Group(group) => walk(group, found),
                usvg::Node::Text(text) => {
                    let words = text.chunks().iter().map(usvg::TextChunk::text).collect();
                    let turned = text.abs_transform();
                    found.push((words, text.flattened().bounding_box().transform(turned).unwrap()));
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(png::parse(svg).unwrap().root(), &mut found);
    found
}

fn layout_faults(figure: &Figure) -> Vec<String> {
    let tree = png::parse(figure.svg()).unwrap();
    // 160 mm at 96 dots an inch; text is measured in quarter millimetres.
    assert!((tree.size().width() - 604.72).abs() < 0.1);
    let (width, height) = (640.0, tree.size().height() * 640.0 / tree.size().width());
    let texts = texts(figure.svg());
    let mut faults = Vec::new();
    for (index, (words, area)) in texts.iter().enumerate() {
        if area.left() < 0.0 || area.top() < 0.0 || area.right() > width || area.bottom() > height {
            faults.push(format!("{}: {words:?} is clipped", figure.id));
        }
        for (other, taken) in &texts[index + 1..] {
            let across = area.right().min(taken.right()) - area.left().max(taken.left());
            let down = area.bottom().min(taken.bottom()) - area.top().max(taken.top());
            if across > 0.3 && down > 0.5 {
                faults.push(format!(
                    "{}: {words:?} and {other:?} overlap by {across:.1} x {down:.1}",
                    figure.id
                ));
            }
        }
    }
    faults
}

#[test]
fn no_text_is_clipped_or_covers_another_whatever_the_size_of_the_trial() {
    let mut faults = Vec::new();
    for size in Size::ALL {
        for figure in all(size) {
            faults.extend(layout_faults(&figure).into_iter().map(|fault| format!("{size:?} {fault}")));
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
#[ignore = "writes pictures to look at, to the folder in FIGURES"]
fn pictures_to_look_at() {
    let folder = std::path::PathBuf::from(std::env::var_os("FIGURES").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    for size in Size::ALL {
        for figure in all(size) {
            let stem = format!("{size:?}-{}", figure.id);
            std::fs::write(folder.join(format!("{stem}.svg")), figure.svg()).unwrap();
            std::fs::write(folder.join(format!("{stem}.png")), png::write(figure.svg(), 1280).unwrap())
                .unwrap();
        }
    }
}
