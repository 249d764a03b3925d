package dev.oxbow.handoff.cargo;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What one service hands over: descriptors by name, and documents, which travel in sealed memfds.
 *
 * <p>In the process that gives, descriptors stay their owners'; they must remain open until the
 * upgrade is over. In the process that takes, the cargo owns what nobody has taken yet. One thread
 * at a time.
 */
public final class Cargo implements AutoCloseable {

  /** Bytes of a document at most. */
  public static final int MAX_DOCUMENT_BYTES = 1 << 30;

  private static final String DOCUMENT = "document/";

  private final Map<String, Descriptor> descriptors = new LinkedHashMap<>();
  private final Set<Descriptor> owned = Collections.newSetFromMap(new IdentityHashMap<>());

  /**
   * Puts in a descriptor that stays its owner's.
   *
   * @throws IllegalArgumentException when there is one of that name
   */
  public Cargo lend(String name, Descriptor descriptor) {
    if (descriptors.putIfAbsent(name, descriptor) != null) {
      throw new IllegalArgumentException("twice in the cargo: " + name);
    }
    return this;
  }

  /** Puts in a descriptor that belongs to the cargo. */
  public Cargo give(String name, Descriptor descriptor) {
    lend(name, descriptor);
    owned.add(descriptor);
    return this;
  }

  /** Puts in bytes. */
  public Cargo document(String name, byte[] bytes) {
    return give(DOCUMENT + name, Memfd.of("oxbow-" + name, bytes));
  }

  /**
   * The bytes that were put in under a name.
   *
   * @throws IllegalArgumentException naming what is missing or too long
   */
  public byte[] document(String name) {
    try (Descriptor memfd = take(DOCUMENT + name)) {
      byte[] bytes = Memfd.read(memfd.fd(), MAX_DOCUMENT_BYTES);
      if (bytes == null) {
        throw new IllegalArgumentException(name + " is longer than " + MAX_DOCUMENT_BYTES);
      }
      return bytes;
    }
  }

  /** A list of JSON objects on its way into a cargo: encoded one by one, each when it is added. */
  public static final class Records {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** Adds an object. */
    public Records add(MessageWriter record) {
      byte[] bytes = record.bytes();
      out.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).array());
      out.writeBytes(bytes);
      return this;
    }
  }

  /** Puts in a document that is a list of JSON objects. */
  public Cargo records(String name, Records records) {
    return document(name, records.out.toByteArray());
  }

  /** Puts in a document that is a list of JSON objects. */
  public Cargo records(String name, List<MessageWriter> records) {
    Records all = new Records();
    records.forEach(all::add);
    return records(name, all);
  }

  /**
   * The JSON objects that were put in under a name.
   *
   * @throws IllegalArgumentException naming what is missing or damaged
   */
  public List<Message> records(String name) {
    ByteBuffer all = ByteBuffer.wrap(document(name));
    List<Message> records = new ArrayList<>();
    try {
      while (all.hasRemaining()) {
        int length = all.getInt();
        if (length > all.remaining()) {
          throw new BufferUnderflowException();
        }
        byte[] bytes = new byte[length];
        all.get(bytes);
        records.add(Message.parse(bytes));
      }
    } catch (BufferUnderflowException | NegativeArraySizeException | RequestException e) {
      throw new IllegalArgumentException(name + " is damaged after " + records.size(), e);
    }
    return records;
  }

  /** Whether there is a descriptor of that name. */
  public boolean has(String name) {
    return descriptors.containsKey(name);
  }

  /**
   * Takes a descriptor out; the caller owns it.
   *
   * @throws IllegalArgumentException naming what is missing
   */
  public Descriptor take(String name) {
    Descriptor descriptor = descriptors.remove(name);
    if (descriptor == null) {
      throw new IllegalArgumentException("missing in what was handed over: " + name);
    }
    owned.remove(descriptor);
    return descriptor;
  }

  /** As {@link #take}, or null. */
  public @Nullable Descriptor takeIfThere(String name) {
    return has(name) ? take(name) : null;
  }

  /** The names of all descriptors, in the order they came. */
  public Set<String> names() {
    return descriptors.keySet();
  }

  /** A descriptor, still in the cargo. */
  public Descriptor get(String name) {
    Descriptor descriptor = descriptors.get(name);
    if (descriptor == null) {
      throw new IllegalArgumentException("missing in what was handed over: " + name);
    }
    return descriptor;
  }

  /** Closes what belongs to the cargo. Idempotent. */
  @Override
  public void close() {
    Descriptor.closeAll(owned);
    owned.clear();
    descriptors.clear();
  }
}
