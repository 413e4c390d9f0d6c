import { describe, expect, it } from "vitest";
import { bytes, count, duration, money, plural, relativeTime } from "./format";

describe("format", () => {
  it("says how long ago something was", () => {
    const now = Date.UTC(2026, 5, 15, 12);
    expect(relativeTime(now - 5_000, now)).toBe("just now");
    expect(relativeTime(now + 60_000, now)).toBe("just now");
    expect(relativeTime(now - 50_000, now)).toBe("1 min ago");
    expect(relativeTime(now - 3 * 3_600_000, now)).toBe("3 h ago");
    expect(relativeTime(now - 2 * 86_400_000, now)).toBe("2 d ago");
  });

  it("writes durations in two units at most", () => {
    expect(duration(320)).toBe("320 ms");
    expect(duration(2_340)).toBe("2.3 s");
    expect(duration(59_600)).toBe("1 min");
    expect(duration(252_000)).toBe("4 min 12 s");
    expect(duration(7_500_000)).toBe("2 h 5 min");
  });

  it("shows small money instead of rounding it to nothing", () => {
    expect(money(0)).toBe("$0.00");
    expect(money(0.42)).toBe("$0.0042");
    expect(money(0.001)).toBe("< $0.0001");
    expect(money(1234)).toBe("$12.34");
  });

  it("shortens counts and sizes", () => {
    expect(count(999)).toBe("999");
    expect(count(12_400)).toBe("12.4k");
    expect(count(3_000_000)).toBe("3M");
    expect(bytes(312)).toBe("312 B");
    expect(bytes(15_000_000)).toBe("15 MB");
    expect(plural(1, "file")).toBe("1 file");
    expect(plural(3, "file")).toBe("3 files");
  });
});
