package dev.oxbow.app.console;

import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Durations and amounts of bytes as people write and read them. */
public final class Units {
  private static final Pattern QUANTITY = Pattern.compile("(\\d{1,15})([A-Za-z]*)");
  private static final Map<String, Long> MILLISECONDS =
      Map.of("ms", 1L, "s", 1000L, "m", 60_000L, "h", 3_600_000L, "d", 86_400_000L);
  private static final Map<String, Long> BYTES =
      Map.of("", 1L, "k", 1L << 10, "m", 1L << 20, "g", 1L << 30, "t", 1L << 40);
  private static final String[] BYTE_UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

  private Units() {}

  /** Reads {@code 500ms}, {@code 30s}, {@code 5m}, {@code 2h}, {@code 1d}. */
  public static final class Milliseconds implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      return quantity(text, MILLISECONDS, "a duration such as 500ms, 30s, 5m or 2h");
    }
  }

  /** Reads {@code 1000}, {@code 64k}, {@code 10m}, {@code 2g}; powers of 1024. */
  public static final class ByteCount implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      return quantity(text, BYTES, "a number of bytes such as 1000, 64k, 10m or 2g");
    }
  }

  /** {@code 417 B}, {@code 1.5 KiB}, {@code 23 GiB}. */
  public static String bytes(long count) {
    double value = count;
    int unit = 0;
    while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
      value /= 1024;
      unit++;
    }
    String format = unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s";
    return String.format(Locale.ROOT, format, value, BYTE_UNITS[unit]);
  }

  /** {@code 850ms}, {@code 12.3s}, {@code 4m07s}, {@code 3h12m}, {@code 5d03h}. */
  public static String duration(long ms) {
    long seconds = ms / 1000;
    if (ms < 1000) {
      return ms + "ms";
    }
    if (seconds < 60) {
      return String.format(Locale.ROOT, "%.1fs", ms / 1000.0);
    }
    if (seconds < 3600) {
      return String.format(Locale.ROOT, "%dm%02ds", seconds / 60, seconds % 60);
    }
    if (seconds < 86_400) {
      return String.format(Locale.ROOT, "%dh%02dm", seconds / 3600, seconds / 60 % 60);
    }
    return String.format(Locale.ROOT, "%dd%02dh", seconds / 86_400, seconds / 3600 % 24);
  }

  private static long quantity(String text, Map<String, Long> units, String expected) {
    Matcher matcher = QUANTITY.matcher(text);
    Long unit = matcher.matches() ? units.get(matcher.group(2).toLowerCase(Locale.ROOT)) : null;
    if (unit == null) {
      throw new TypeConversionException("'" + text + "' is not " + expected);
    }
    return Math.multiplyExact(Long.parseLong(matcher.group(1)), unit.longValue());
  }
}
