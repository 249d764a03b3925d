package dev.oxbow.codecs.control;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/** JSON texts of all shapes: any spelling of numbers, escapes, white space and names. */
final class JsonTexts {
  private static final List<String> NUMBERS =
      List.of(
          "0",
          "-0",
          "1.0",
          "1.50",
          "1e3",
          "1E+3",
          "-12.5e-7",
          "18446744073709551615",
          "1e400",
          "123456789012345678901234567890.123456789");
  private static final List<String> STRINGS =
      List.of(
          "\"\"",
          "\"\\u0000\"",
          "\"\\ud83d\\ude00\"",
          "\"\\ud800\"",
          "\"\\/\\\"\\\\\\n\"",
          "\"\u00e9\u20ac\"",
          "\"\ud83d\ude00\ud83d\ude00\"",
          "\"\u2028\u007f\ufeff\"");

  private JsonTexts() {}

  /** Any value. */
  static Arbitrary<String> values() {
    return Arbitraries.lazyOf(
        JsonTexts::scalars,
        JsonTexts::scalars,
        () -> values().list().ofMaxSize(4).map(list -> "[" + String.join(" ,\n", list) + "]"),
        () ->
            Combinators.combine(names().list().ofSize(3), values().list().ofMaxSize(3))
                .as(JsonTexts::object));
  }

  private static Arbitrary<String> scalars() {
    return Arbitraries.oneOf(
        Arbitraries.of("null", "true", "false"),
        Arbitraries.of(NUMBERS),
        Arbitraries.longs().map(String::valueOf),
        strings());
  }

  private static Arbitrary<String> strings() {
    Arbitrary<String> plain =
        Arbitraries.strings()
            .withCharRange(' ', '\ud7ff')
            .ofMaxLength(40)
            .map(text -> '"' + text.replaceAll("[\"\\\\]", "") + '"');
    return Arbitraries.oneOf(plain, Arbitraries.of(STRINGS));
  }

  /** Jackson refuses half a surrogate pair in a name. */
  private static Arbitrary<String> names() {
    return strings().filter(text -> !text.equals("\"\\ud800\""));
  }

  /** Numbers in front keep the names apart. */
  private static String object(List<String> names, List<String> values) {
    StringBuilder object = new StringBuilder("{ ");
    for (int i = 0; i < values.size(); i++) {
      object.append(i == 0 ? "" : ",\t").append('"').append(i).append(names.get(i).substring(1));
      object.append(" : ").append(values.get(i));
    }
    return object.append("\r\n}").toString();
  }
}
