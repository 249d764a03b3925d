package dev.oxbow.codecs.control;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Parses one JSON object; members named {@code metadata} or {@code id} are kept as they came. */
final class MessageReader {

  private static final int MAX_DEPTH = 500;

  /** Nesting inside metadata; what carries metadata onwards wraps it in a few levels more. */
  private static final int MAX_RAW_DEPTH = 400;

  /** Decoded values in one message: a small one takes thirty times the room of its text. */
  private static final int MAX_VALUES = 100_000;

  /** Always UTF-8, so that offsets are bytes; names come from strangers and are not kept. */
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.CHARSET_DETECTION)
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
          .build();

  private final byte[] utf8;
  private final JsonParser parser;
  private int values;

  private MessageReader(byte[] utf8) throws IOException {
    this.utf8 = utf8;
    this.parser = JSON.createParser(utf8);
  }

  static Map<String, @Nullable Object> readObject(byte[] utf8) {
    requireUtf8(utf8);
    try {
      MessageReader reader = new MessageReader(utf8);
      try (JsonParser parser = reader.parser) {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
          throw badJson("the message is not a JSON object");
        }
        Map<String, @Nullable Object> object = reader.object();
        if (parser.nextToken() != null) {
          throw badJson("something follows the JSON object");
        }
        return object;
      }
    } catch (JsonProcessingException e) {
      throw badJson(e.getOriginalMessage());
    } catch (IOException e) {
      throw badJson(String.valueOf(e.getMessage()));
    }
  }

  static void requireOneValue(byte[] utf8) {
    try (JsonParser parser = JSON.createParser(utf8)) {
      if (parser.nextToken() == null) {
        throw new IllegalArgumentException("no JSON value");
      }
      parser.skipChildren();
      parser.finishToken();
      if (parser.nextToken() != null) {
        throw new IllegalArgumentException("more than one JSON value");
      }
    } catch (IOException e) {
      throw new IllegalArgumentException("not JSON: " + e.getMessage(), e);
    }
  }

  /** Strings that nobody looks at are passed on undecoded, so their bytes are checked here. */
  private static void requireUtf8(byte[] bytes) {
    for (byte b : bytes) {
      if (b < 0) {
        try {
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
        } catch (CharacterCodingException e) {
          throw badJson("not UTF-8");
        }
        return;
      }
    }
  }

  private Map<String, @Nullable Object> object() throws IOException {
    Map<String, @Nullable Object> members = new LinkedHashMap<>();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      if (members.containsKey(name)) {
        throw RequestException.badField(Message.shortened(name), "given twice");
      }
      boolean raw = name.equals("metadata") || name.equals("id");
      members.put(name, raw ? raw(name) : value());
    }
    return members;
  }

  private @Nullable Object value() throws IOException {
    if (++values > MAX_VALUES) {
      throw badJson("more than " + MAX_VALUES + " values outside of metadata");
    }
    return switch (parser.currentToken()) {
      case START_OBJECT -> new Message(object());
      case START_ARRAY -> array();
      case VALUE_STRING -> parser.getText();
      case VALUE_NUMBER_INT -> parser.getNumberValue();
      case VALUE_NUMBER_FLOAT -> decimal();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      default -> throw badJson("unexpected " + parser.currentToken());
    };
  }

  private BigDecimal decimal() throws IOException {
    try {
      return parser.getDecimalValue();
    } catch (NumberFormatException e) {
      throw badJson("a number with too large an exponent");
    }
  }

  private List<@Nullable Object> array() throws IOException {
    List<@Nullable Object> elements = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      elements.add(value());
    }
    return elements;
  }

  private RawJson raw(String name) throws IOException {
    int start = (int) parser.currentTokenLocation().getByteOffset();
    int depth = parser.currentToken().isStructStart() ? 1 : 0;
    while (depth > 0) {
      JsonToken token = parser.nextToken();
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
      if (depth > MAX_RAW_DEPTH) {
        throw RequestException.badField(name, "nested deeper than " + MAX_RAW_DEPTH);
      }
    }
    parser.finishToken();
    int end = (int) parser.currentLocation().getByteOffset();
    return new RawJson(new String(utf8, start, end - start, StandardCharsets.UTF_8), end - start);
  }

  private static RequestException badJson(String why) {
    return new RequestException(ErrorCode.BAD_REQUEST, "message: " + why);
  }
}
