package dev.oxbow.codecs.tcp;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ObjLongConsumer;

/**
 * struct tcp_info of include/uapi/linux/tcp.h, as getsockopt(TCP_INFO) filled it in: all fields
 * that the running kernel knows, and no others. Immutable.
 *
 * <pre>
 *  0 state  ca_state  retransmits  probes  backoff  options  snd:4|rcv_wscale:4  app_limited:1|..
 *  8 rto ... one u32 every four bytes ... 100 total_retrans
 * 104 pacing_rate (u64) ...
 * </pre>
 */
public final class TcpInfo {

  /** TCP_ESTABLISHED of include/net/tcp_states.h: both ends may send. */
  public static final int TCP_ESTABLISHED = 1;

  /** TCP_CLOSE_WAIT of include/net/tcp_states.h: the peer has ended, and we have not. */
  public static final int TCP_CLOSE_WAIT = 8;

  /** TCP_CLOSE of include/net/tcp_states.h: neither end sends any more. */
  public static final int TCP_CLOSE = 7;

  /** name, offset, bytes; for a bit field name, offset, 0, shift, bits. In the header's order. */
  private static final Field[] FIELDS = Field.table();

  private final ByteBuffer raw;

  /**
   * @param raw what getsockopt returned, cut to the length that it returned
   */
  public TcpInfo(byte[] raw) {
    this.raw = ByteBuffer.wrap(raw.clone()).order(ByteOrder.nativeOrder());
  }

  /**
   * From fields by name; names that this version does not know are left out, and so are fields
   * behind the last one given.
   */
  public static TcpInfo of(java.util.Map<String, Long> fields) {
    Field last = FIELDS[FIELDS.length - 1];
    ByteBuffer raw = ByteBuffer.allocate(last.end()).order(ByteOrder.nativeOrder());
    int length = 0;
    for (Field field : FIELDS) {
      Long value = fields.get(field.name());
      if (value != null) {
        field.write(raw, value);
        length = Math.max(length, field.end());
      }
    }
    byte[] bytes = new byte[length];
    raw.get(0, bytes);
    return new TcpInfo(bytes);
  }

  /** Calls back with each field's name, in camel case, and its value, 64 bits without sign. */
  public void forEach(ObjLongConsumer<String> consumer) {
    for (Field field : FIELDS) {
      if (field.end() <= raw.capacity()) {
        consumer.accept(field.name(), field.read(raw));
      }
    }
  }

  /** One field by its name in camel case; 0 when this kernel does not know it. */
  public long get(String name) {
    for (Field field : FIELDS) {
      if (field.name().equals(name) && field.end() <= raw.capacity()) {
        return field.read(raw);
      }
    }
    return 0;
  }

  /** A field of 1, 2, 4 or 8 bytes, or some bits of one byte. */
  private record Field(String name, int offset, int bytes, int shift, int bits) {

    static Field[] table() {
      String[] octets = {"state", "caState", "retransmits", "probes", "backoff", "options"};
      List<Field> fields = new ArrayList<>();
      for (String name : octets) {
        fields.add(new Field(name, fields.size(), 1, 0, 8));
      }
      fields.add(new Field("sndWscale", 6, 1, 0, 4));
      fields.add(new Field("rcvWscale", 6, 1, 4, 4));
      fields.add(new Field("deliveryRateAppLimited", 7, 1, 0, 1));
      fields.add(new Field("fastopenClientFail", 7, 1, 1, 2));
      int offset = append(fields, 8, 4, "rto", "ato", "sndMss", "rcvMss");
      offset = append(fields, offset, 4, "unacked", "sacked", "lost", "retrans", "fackets");
      offset = append(fields, offset, 4, "lastDataSent", "lastAckSent", "lastDataRecv");
      offset = append(fields, offset, 4, "lastAckRecv", "pmtu", "rcvSsthresh", "rtt", "rttvar");
      offset = append(fields, offset, 4, "sndSsthresh", "sndCwnd", "advmss", "reordering");
      offset = append(fields, offset, 4, "rcvRtt", "rcvSpace", "totalRetrans");
      offset = append(fields, offset, 8, "pacingRate", "maxPacingRate", "bytesAcked");
      offset = append(fields, offset, 8, "bytesReceived");
      offset = append(fields, offset, 4, "segsOut", "segsIn", "notsentBytes", "minRtt");
      offset = append(fields, offset, 4, "dataSegsIn", "dataSegsOut");
      offset = append(fields, offset, 8, "deliveryRate", "busyTime", "rwndLimited");
      offset = append(fields, offset, 8, "sndbufLimited");
      offset = append(fields, offset, 4, "delivered", "deliveredCe");
      offset = append(fields, offset, 8, "bytesSent", "bytesRetrans");
      offset = append(fields, offset, 4, "dsackDups", "reordSeen", "rcvOoopack", "sndWnd");
      offset = append(fields, offset, 4, "rcvWnd", "rehash");
      offset = append(fields, offset, 2, "totalRto", "totalRtoRecoveries");
      offset = append(fields, offset, 4, "totalRtoTime", "receivedCe");
      offset = append(fields, offset, 4, "deliveredE1Bytes", "deliveredE0Bytes");
      offset = append(fields, offset, 4, "deliveredCeBytes", "receivedE1Bytes");
      append(fields, offset, 4, "receivedE0Bytes", "receivedCeBytes");
      // The last four bytes are padding on 6.18 and bit fields later: no telling which.
      return fields.toArray(new Field[0]);
    }

    private static int append(List<Field> fields, int from, int bytes, String... names) {
      int offset = from;
      for (String name : names) {
        fields.add(new Field(name, offset, bytes, 0, 8 * bytes));
        offset += bytes;
      }
      return offset;
    }

    int end() {
      return offset + bytes;
    }

    void write(ByteBuffer raw, long value) {
      switch (bytes) {
        case 1 -> {
          int mask = ((1 << bits) - 1) << shift;
          raw.put(offset, (byte) ((raw.get(offset) & ~mask) | ((value << shift) & mask)));
        }
        case 2 -> raw.putShort(offset, (short) value);
        case 4 -> raw.putInt(offset, (int) value);
        default -> raw.putLong(offset, value);
      }
    }

    long read(ByteBuffer raw) {
      return switch (bytes) {
        case 1 -> (raw.get(offset) >> shift) & ((1 << bits) - 1);
        case 2 -> raw.getShort(offset) & 0xffff;
        case 4 -> raw.getInt(offset) & 0xffffffffL;
        default -> raw.getLong(offset);
      };
    }
  }
}
