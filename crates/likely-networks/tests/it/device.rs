//! Devices by name, and what a program says of those that it cannot have.

use likely_networks::{DeviceError, DeviceName, OpenDevice, built_for_cuda, gpus};

#[test]
fn names_of_devices_are_read_and_written() {
    let known = [
        ("cpu", DeviceName::Cpu, "cpu"),
        ("cuda", DeviceName::Cuda(0), "cuda:0"),
        ("cuda:0", DeviceName::Cuda(0), "cuda:0"),
        ("cuda:13", DeviceName::Cuda(13), "cuda:13"),
    ];
    for (text, name, written) in known {
        assert_eq!(text.parse(), Ok(name));
        assert_eq!(name.to_string(), written);
    }
    for text in ["", "CPU", "gpu7", "cuda:", "cuda1", "cuda:-1", "cuda:+1", "cuda: 1", "cuda:70000", "cpu:0"]
    {
        let error = text.parse::<DeviceName>().unwrap_err();
        assert_eq!(error, DeviceError::Name { found: text.to_owned() });
        assert!(error.to_string().contains("write `cpu`, `cuda`, or `cuda:N`"), "{error}");
    }
}

#[test]
fn the_processor_is_always_there() {
    let device = OpenDevice::new(DeviceName::Cpu).unwrap();
    assert!(device.is_cpu() && device.candle().is_cpu());
    assert_eq!((device.name(), device.description().as_str()), (DeviceName::Cpu, "cpu"));
    assert!(OpenDevice::cpu().is_cpu());
}

#[test]
fn a_program_without_the_feature_says_how_to_get_it() {
    if built_for_cuda() {
        return;
    }
    let error = OpenDevice::new(DeviceName::Cuda(1)).unwrap_err();
    assert_eq!(error, DeviceError::NotBuilt { name: DeviceName::Cuda(1) });
    let text = error.to_string();
    assert!(text.contains("`cuda:1`") && text.contains("--features cuda"), "{text}");
    assert!(matches!(gpus(), Err(DeviceError::NotBuilt { .. })));
}
