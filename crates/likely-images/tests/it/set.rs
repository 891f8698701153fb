use likely_core::ImageShape;
use likely_images::ImageSet;

const SHAPE: ImageShape = ImageShape { channels: 1, height: 1, width: 2 };

fn three() -> ImageSet {
    ImageSet::new(SHAPE, vec![0, 255, 51, 102, 153, 204])
        .and_then(|set| set.with_labels(vec![7, 2, 7]))
        .expect("three pictures and three labels")
}

#[test]
fn rows_are_levels_over_255() {
    let rows = three().rows();
    assert_eq!(rows, ndarray::array![[0.0, 1.0], [0.2, 0.4], [0.6, 0.8]]);
}

#[test]
fn a_selection_keeps_order_repetition_and_labels() {
    let chosen = three().select(&[2, 0, 2]).unwrap();
    assert_eq!(chosen.pixels(), [153, 204, 0, 255, 153, 204]);
    assert_eq!(chosen.labels(), Some(&[7, 7, 7][..]));
    assert_eq!((chosen.count(), chosen.shape()), (3, SHAPE));
    assert_eq!(three().select(&[]).unwrap().count(), 0);
    assert_eq!(three().indices_of(7), [0, 2]);
    let error = three().select(&[0, 3]).unwrap_err().to_string();
    assert!(error.contains("no picture 3; there are 3"), "{error}");
}

#[test]
fn what_is_not_whole_pictures_is_refused() {
    let error = ImageSet::new(SHAPE, vec![1, 2, 3]).unwrap_err().to_string();
    assert!(error.contains("3 numbers") && error.contains("1x1x2"), "{error}");
    let error = three().with_labels(vec![1]).unwrap_err().to_string();
    assert!(error.contains("1 labels for 3 pictures"), "{error}");
    for (channels, height, width) in [(0, 1, 1), (1, 1, 0), (usize::MAX, 2, 2)] {
        assert!(ImageSet::new(ImageShape { channels, height, width }, Vec::new()).is_err());
    }
}
