//! Single values as text, against the standard library, jiff and known answers.
use thyme_core::arrow::buffer::{IntervalMonthDayNano, i256};
use thyme_formats::TimestampUnit;
use thyme_formats::text::{base64, boolean, date, decimal, float, integer, interval, time, timestamp, uuid};

use crate::rng::Rng;

#[test]
fn every_date_of_ten_thousand_years_and_no_other() {
    let epoch = jiff::civil::date(1970, 1, 1);
    for year in 0..=9999i16 {
        for month in 0..=13i8 {
            for day in [0, 1, 28, 29, 30, 31, 32i8] {
                let text = format!("{year:04}-{month:02}-{day:02}");
                let truth = jiff::civil::Date::new(year, month, day).ok().map(|d| (d - epoch).get_days());
                assert_eq!(date::parse(text.as_bytes()).ok(), truth, "{text}");
            }
        }
    }
    for text in ["", "2024-1-01", "2024-01-1", "2024/01/01", "2024-01-01 ", "24-01-01", "2024-01-0a", "a024-01-01", "2024-01-001"]
    {
        assert_eq!(date::parse(text.as_bytes()), Err("not a date (YYYY-MM-DD)"), "{text}");
    }
}

#[test]
fn timestamps_agree_with_jiff() {
    let mut rng = Rng(1);
    for _ in 0..20_000 {
        // From year 1 to 9998, so that no offset leaves the range.
        let micros = (rng.next() % 315_474_000_000_000_000) as i64 - 62_135_000_000_000_000;
        let instant = jiff::Timestamp::from_microsecond(micros).unwrap();
        let text = format!("{instant:.6}");
        assert_eq!(text.len(), 27);
        assert_eq!(timestamp::micros(text.as_bytes()), Ok(micros), "{text}");
        assert_eq!(timestamp::micros_27(text.as_bytes().try_into().unwrap()), Some(micros), "{text}");
        let offset = (rng.below(2 * 86_340) as i32 - 86_340) / 60 * 60;
        let zoned = instant.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::Offset::from_seconds(offset).unwrap()));
        let text = zoned.strftime("%Y-%m-%d %H:%M:%S%.f%:z").to_string();
        assert_eq!(timestamp::micros(text.as_bytes()), Ok(micros), "{text}");
        let local = zoned.strftime("%Y-%m-%dT%H:%M:%S%.f").to_string();
        assert_eq!(timestamp::local_micros(local.as_bytes()), Ok(micros + i64::from(offset) * 1_000_000), "{local}");
    }
}

#[test]
fn shapes_of_a_timestamp() {
    let at = |text: &str| timestamp::micros(text.as_bytes());
    let noon = 1_709_208_000_000_000;
    for text in [
        "2024-02-29T12:00:00Z",
        "2024-02-29 12:00",
        "2024-02-29T12:00:00.0000009Z",
        "2024-02-29t17:30:00,0+0530",
        "2024-02-29T10:00-02",
        "2024-02-29T12:00:00.000000z",
    ] {
        assert_eq!(at(text), Ok(noon), "{text}");
    }
    assert_eq!(at("2024-02-29"), Ok(noon - 43_200_000_000));
    assert_eq!(at("1969-12-31T23:59:59.9999999Z"), Ok(-1));
    assert_eq!(at("2023-02-29T12:00:00.000000Z"), Err("the month does not have that day"));
    assert_eq!(at("2024-13-01"), Err("the month is not 01 to 12"));
    assert_eq!(at("2024-02-29T24:00:00.000000Z"), Err("the hour is not 00 to 23"));
    assert_eq!(at("2024-02-29T23:60:00.000000Z"), Err("the minute is not 00 to 59"));
    assert_eq!(at("2016-12-31T23:59:60.000000Z"), Err("the second is not 00 to 59"));
    assert_eq!(at("2024-02-29T12:00:00+24:00"), Err("the zone is not Z or ±HH:MM"));
    for text in [
        "",
        "12:00",
        "2024-02-29T",
        "2024-02-29T12",
        "2024-02-29T12:00:00.Z",
        "2024-02-29T12:00:00ZZ",
        "2024-02-29T12:00:00 Z",
        " 2024-02-29",
        "2024-02-29T12:00:00.00000xZ",
    ] {
        assert_eq!(at(text), Err("not a timestamp (YYYY-MM-DDTHH:MM:SS.ffffffZ)"), "{text}");
    }
    assert_eq!(timestamp::local_micros(b"2024-02-29T12:00:00Z"), Err("a local timestamp has no zone"));
    assert_eq!(timestamp::nanos(b"2262-04-11T23:47:16.854775807Z"), Ok(i64::MAX));
    assert_eq!(timestamp::nanos(b"1677-09-21T00:12:43.145224192Z"), Ok(i64::MIN));
    assert!(timestamp::nanos(b"1677-09-21T00:12:43.145224191Z").is_err());
    assert!(timestamp::nanos(b"2262-04-11T23:47:16.854775808Z").is_err());
}

#[test]
fn every_byte_of_the_fixed_form_matters() {
    let good = *b"2024-02-29T12:34:56.789012Z";
    for at in 0..good.len() {
        for byte in 0..=255u8 {
            let mut text = good;
            text[at] = byte;
            let fixed = timestamp::micros_27(&text);
            // Whatever the fixed form takes, the general one takes as the same: by way of a 28th character.
            let mut longer = text.to_vec();
            longer.insert(26, b'9');
            if let Some(micros) = fixed {
                assert_eq!(timestamp::micros(&longer), Ok(micros), "{at} {byte}");
            } else if let Ok(micros) = timestamp::micros(&longer) {
                assert!(matches!((at, byte), (10, b't' | b' ') | (19, b',') | (26, _)), "{at} {byte} {micros}");
            }
        }
    }
}

#[test]
fn numbers_as_timestamps() {
    use TimestampUnit::{Microseconds, Milliseconds, Seconds};
    assert_eq!(timestamp::number_micros(b"1700000000", Seconds), Ok(1_700_000_000_000_000));
    assert_eq!(timestamp::number_micros(b"1700000000.1234567", Seconds), Ok(1_700_000_000_123_456));
    assert_eq!(timestamp::number_micros(b"-0.0000001", Seconds), Ok(-1));
    assert_eq!(timestamp::number_micros(b"1.7e12", Milliseconds), Ok(1_700_000_000_000_000));
    assert_eq!(timestamp::number_micros(b"-5", Microseconds), Ok(-5));
    assert_eq!(timestamp::number_nanos(b"1700000000.123456789", Seconds), Ok(1_700_000_000_123_456_789));
    assert!(timestamp::number_micros(b"9223372036855", Seconds).is_err());
    assert!(timestamp::number_micros(b"1e99999", Seconds).is_err());
    assert!(timestamp::number_micros(b"", Seconds).is_err());
}

#[test]
fn times() {
    assert_eq!(time::parse(b"00:00"), Ok(0));
    assert_eq!(time::parse(b"23:59:59.9999999"), Ok(86_399_999_999));
    assert_eq!(time::parse(b"12:34:56.5"), Ok(45_296_500_000));
    for text in ["", "1:00", "12:00:00Z", "12:00:", "12:00:00.", "24:00", "12:60", "12:00:60"] {
        assert!(time::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn integers_agree_with_the_standard_library() {
    let mut rng = Rng(2);
    for _ in 0..50_000 {
        let bits = rng.next() >> rng.below(64);
        for text in [
            bits.to_string(),
            (bits as i64).to_string(),
            format!("{bits}{}", rng.below(300)),
            format!("-{bits}"),
            format!("+{bits}"),
        ] {
            assert_eq!(integer::signed(text.as_bytes()).ok(), text.parse::<i64>().ok(), "{text}");
            assert_eq!(
                integer::unsigned(text.as_bytes()).ok(),
                text.parse::<u64>().ok().or((text == "-0").then_some(0)),
                "{text}"
            );
        }
    }
    for text in ["", "-", "+", "1.0", "1e3", " 1", "1 ", "--1", "0x1", "١"] {
        assert_eq!(integer::signed(text.as_bytes()), Err("not a whole number"), "{text}");
        assert!(integer::unsigned(text.as_bytes()).is_err(), "{text}");
    }
    assert_eq!(integer::signed(b"9223372036854775808"), Err("beyond 64 bits"));
    assert_eq!(integer::unsigned(b"-1"), Err("below zero"));
}

#[test]
fn quotients_agree_with_the_standard_library() {
    let mut rng = Rng(3);
    for round in 0..300_000 {
        let mantissa = if round % 3 == 0 { rng.next() >> rng.below(12) } else { rng.next() >> rng.below(64) };
        let places = rng.below(20);
        let text = format!("{mantissa}e-{places}");
        let truth: f64 = text.parse().unwrap();
        assert_eq!(float::quotient(mantissa, places).map(f64::to_bits), Some(truth.to_bits()), "{text}");
    }
    // Halves between two doubles, and the neighbours of the halves.
    for _ in 0..100_000 {
        let half = ((1u64 << 53 | rng.next() >> 11) << 1 | 1) >> 1 | 1;
        for mantissa in [half - 1, half, half + 1, (half << 10) - 1, half << 10, (half << 10) + 1] {
            for places in [0, 1, 2, 19] {
                let truth: f64 = format!("{mantissa}e-{places}").parse().unwrap();
                assert_eq!(float::quotient(mantissa, places).map(f64::to_bits), Some(truth.to_bits()), "{mantissa}e-{places}");
            }
        }
    }
    assert_eq!(float::quotient(1, 20), None);
}

#[test]
fn floats() {
    let mut rng = Rng(4);
    for _ in 0..50_000 {
        let value = f64::from_bits(rng.next());
        let text = format!("{value:e}");
        let parsed = float::double(text.as_bytes()).unwrap();
        assert!(parsed.to_bits() == value.to_bits() || (parsed.is_nan() && value.is_nan()), "{text}");
        let narrow = f32::from_bits(rng.next() as u32);
        let parsed = float::single(narrow.to_string().as_bytes()).unwrap();
        assert!(parsed.to_bits() == narrow.to_bits() || (parsed.is_nan() && narrow.is_nan()), "{narrow}");
    }
    assert_eq!(float::double(b"1e400"), Err("beyond the range of the type"));
    assert_eq!(float::double(b"-1e400"), Err("beyond the range of the type"));
    assert_eq!(float::single(b"1e39"), Err("beyond the range of the type"));
    assert_eq!(float::double(b"1e-400"), Ok(0.0));
    assert_eq!(float::double(b"-Infinity"), Ok(f64::NEG_INFINITY));
    for text in ["", "-", ".", "1e", "1.5x", " 1", "1 ", "0x10", "1_0"] {
        assert_eq!(float::double(text.as_bytes()), Err("not a number"), "{text}");
    }
}

#[test]
fn decimals_are_exact() {
    let d = |text: &str, precision, scale| decimal::decimal128(text.as_bytes(), precision, scale);
    assert_eq!(d("12345.67", 7, 2), Ok(1_234_567));
    assert_eq!(d("-0.5", 3, 2), Ok(-50));
    assert_eq!(d("+.5", 3, 2), Ok(50));
    assert_eq!(d("007.", 3, 2), Ok(700));
    assert_eq!(d("1.50000", 2, 1), Ok(15));
    assert_eq!(d("1.5e3", 4, 0), Ok(1500));
    assert_eq!(d("150000e-5", 2, 1), Ok(15));
    assert_eq!(d("12300", 3, -2), Ok(123));
    assert_eq!(d("0e999999999999", 3, 2), Ok(0));
    assert_eq!(d("0.000e-999999999999", 3, 2), Ok(0));
    assert_eq!(d(&"9".repeat(38), 38, 0), Ok(10i128.pow(38) - 1));
    assert_eq!(d("1.005", 5, 2), Err("more decimal places than the column has"));
    assert_eq!(d("12345", 5, -2), Err("more decimal places than the column has"));
    assert_eq!(d("1e-99999999999", 5, 2), Err("more decimal places than the column has"));
    assert_eq!(d("1000", 5, 2), Err("more digits than the column has"));
    assert_eq!(d("1e999999999999", 5, 2), Err("more digits than the column has"));
    for text in ["", "-", ".", "1.2.3", "1e", "1e+", "1e1.0", "abc", "NaN", "1,5", " 1"] {
        assert_eq!(d(text, 38, 2), Err("not a decimal number"), "{text}");
    }
    let mut rng = Rng(5);
    for _ in 0..50_000 {
        let digits = (u128::from(rng.next()) << 62 | u128::from(rng.next())) >> rng.below(126);
        let scale = rng.below(20);
        let text = digits.to_string();
        let padded = format!("{text:0>width$}", width = scale + 1);
        let (whole, part) = padded.split_at(padded.len() - scale);
        let text = if scale == 0 { whole.to_owned() } else { format!("{whole}.{part}") };
        assert_eq!(d(&text, 38, scale as i8), Ok(digits as i128), "{text}");
        let wide = format!("{digits}{part}{whole}");
        let significant = wide.trim_start_matches('0').len();
        let truth = (significant <= 76).then(|| i256::from_string(&format!("-{wide}")).unwrap());
        assert_eq!(decimal::decimal256(format!("-{wide}e-{scale}").as_bytes(), 76, scale as i8).ok(), truth, "{wide}");
    }
    assert_eq!(decimal::decimal256("9".repeat(76).as_bytes(), 76, 0), Ok(i256::from_string(&"9".repeat(76)).unwrap()));
    assert_eq!(decimal::decimal256(b"1e75", 76, 0), Ok(i256::from_string(&format!("1{}", "0".repeat(75))).unwrap()));
    assert!(decimal::decimal256("9".repeat(77).as_bytes(), 76, 0).is_err());
}

#[test]
fn uuids() {
    let truth = [0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00];
    assert_eq!(uuid::parse(b"123e4567-e89b-12d3-a456-426614174000"), Ok(truth));
    assert_eq!(uuid::parse(b"123E4567E89B12D3A456426614174000"), Ok(truth));
    for text in [
        "",
        "123e4567-e89b-12d3-a456-42661417400",
        "123e4567-e89b-12d3-a456-42661417400g",
        "123e4567-e89b-12d3-a4564-26614174000",
        "123e4567e-89b-12d3-a456-426614174000",
        "{123e4567e89b12d3a456426614174000",
    ] {
        assert!(uuid::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn base64_both_ways_and_no_loose_ends() {
    let mut rng = Rng(6);
    for length in 0..200 {
        let bytes: Vec<u8> = (0..length).map(|_| rng.next() as u8).collect();
        let (mut text, mut back) = (Vec::new(), b"before".to_vec());
        base64::encode(&bytes, &mut text);
        assert_eq!(text.len(), bytes.len().div_ceil(3) * 4);
        base64::decode(&text, &mut back).unwrap();
        assert_eq!(back, [b"before", bytes.as_slice()].concat());
    }
    let mut text = Vec::new();
    base64::encode(b"foobar+\xff\xfe", &mut text);
    assert_eq!(text, b"Zm9vYmFyK//+");
    for text in ["Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm-v", "Zm9v\n", " Zm9", "Zm9v="] {
        let mut out = b"before".to_vec();
        assert!(base64::decode(text.as_bytes(), &mut out).is_err(), "{text}");
        assert_eq!(out, b"before", "{text}");
    }
}

#[test]
fn intervals() {
    let i = |text: &str| interval::parse(text.as_bytes());
    let of = |months, days, nanos| Ok(IntervalMonthDayNano::new(months, days, nanos));
    assert_eq!(i("P1Y2M3W4DT5H6M7.000000008S"), of(14, 25, 18_367_000_000_008));
    assert_eq!(i("PT0S"), of(0, 0, 0));
    assert_eq!(i("P-1M2DT-0.5S"), of(-1, 2, -500_000_000));
    assert_eq!(i("-P1M2DT-1S"), of(-1, -2, 1_000_000_000));
    assert_eq!(i("PT5M"), of(0, 0, 300_000_000_000));
    assert_eq!(i("P5M"), of(5, 0, 0));
    for text in [
        "", "P", "PT", "P1DT", "1D", "P1D2M", "P1M1M", "P1H", "PT1D", "P1.5D", "P1", "P1DT1S ", "PT1.S", "PT1S1H", "P1TD",
        "PTT1S",
    ] {
        assert_eq!(i(text), Err("not an interval (P1Y2M3DT4H5M6.7S)"), "{text}");
    }
    assert_eq!(i("P2147483648D"), Err("beyond what an interval can say"));
    assert_eq!(i("-P-2147483648D"), Err("beyond what an interval can say"));
    assert_eq!(i("P-2147483648D"), of(0, i32::MIN, 0));
    assert_eq!(i("PT9223372036854775808S"), Err("beyond what an interval can say"));
    assert_eq!(i("PT1.0000000001S"), Err("more than nine digits of a second"));
}

#[test]
fn booleans() {
    assert_eq!(boolean::parse(b"true"), Ok(true));
    assert_eq!(boolean::parse(b"0"), Ok(false));
    assert!(boolean::parse(b"t").is_err());
    assert!(boolean::parse(b"").is_err());
}
