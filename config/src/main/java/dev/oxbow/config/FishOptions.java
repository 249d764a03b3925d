package dev.oxbow.config;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Options of Fish, the service that sends packets from shared addresses. Every setter throws {@link
 * IllegalArgumentException} when the value is out of its bounds. Not thread-safe: fill it, then
 * deploy with it.
 */
public final class FishOptions {

  /** Nothing is granted. */
  public static final List<Grant> DEFAULT_EGRESS = List.of();

  /** Name of the tun. */
  public static final String DEFAULT_DEVICE = "fish0";

  /** Inner IPv4 addresses: RFC 6598's shared address space. */
  public static final String DEFAULT_POOL = "100.64.0.0/10";

  /** Inner IPv6 addresses: a prefix of RFC 4193's. */
  public static final String DEFAULT_POOL6 = "fd6f:7862:6f77::/64";

  /** Mark of conntrack entries. */
  public static final int DEFAULT_MARK = 0x0f15;

  /** Connections that there is room for, resting ports included. */
  public static final int DEFAULT_MAX_FLOWS = 262_144;

  /** Clients that there is room for. */
  public static final int DEFAULT_MAX_CLIENTS = 65_536;

  /** Sessions that there is room for. */
  public static final int DEFAULT_MAX_SESSIONS = 4096;

  /** How long the connections of a session wait after a crash, in milliseconds. */
  public static final int DEFAULT_CRASH_GRACE_MS = 60_000;

  /** Bytes of a file of the log of ports, after which a new one begins. */
  public static final int DEFAULT_LOG_FILE_BYTES = 64 << 20;

  /** Files of the log of ports. */
  public static final int DEFAULT_LOG_FILES = 32;

  /** Days that a file of the log of ports is kept. */
  public static final int DEFAULT_LOG_DAYS = 30;

  /** Where connections go is nobody's business. */
  public static final String DEFAULT_LOG_DETAIL = "blocks";

  private static final int MOST_GRANTS = 256;
  private static final String CONNECTIONS = "connections";
  private static final Pattern DIRECTORY = Pattern.compile("/[ -~]*");
  private static final Pattern DETAIL = Pattern.compile("blocks|connections");
  private static final Pattern DEVICE = Pattern.compile("[a-zA-Z][a-zA-Z0-9_]{0,14}");
  private static final Pattern PREFIX = Pattern.compile("[0-9a-fA-F.:]{2,45}/[0-9]{1,3}");
  private static final Pattern ADDRESS = Pattern.compile("[0-9a-fA-F.:]{2,45}");
  private static final Pattern PORTS = Pattern.compile("([0-9]{1,5})(?:-([0-9]{1,5}))?");

  /**
   * Where packets may leave from.
   *
   * @param address IPv4 or IPv6
   * @param firstPort 1 to 65535
   * @param lastPort not below the first
   */
  public record Grant(String address, int firstPort, int lastPort) {

    /**
     * Checks the ports; the address is looked at by whoever uses it.
     *
     * @throws IllegalArgumentException naming what is wrong
     */
    public Grant {
      if (firstPort < 1 || lastPort > 0xffff || firstPort > lastPort) {
        throw new IllegalArgumentException(
            String.format(
                "ports: %d-%d; expected a range within 1-65535, the lower port first",
                firstPort, lastPort));
      }
    }

    /**
     * Reads ports, {@code 20000-20999} or {@code 20000}.
     *
     * @throws IllegalArgumentException naming what is wrong
     */
    public static Grant of(String address, String ports) {
      Matcher matcher = PORTS.matcher(ports);
      if (!matcher.matches()) {
        throw new IllegalArgumentException("ports: " + ports + "; expected such as 20000-20999");
      }
      int first = Integer.parseInt(matcher.group(1));
      int last = matcher.group(2) == null ? first : Integer.parseInt(matcher.group(2));
      return new Grant(address, first, last);
    }

    /** Whether both have a port of the same address, which must be written alike. */
    boolean overlaps(Grant other) {
      return address.equalsIgnoreCase(other.address)
          && firstPort <= other.lastPort
          && other.firstPort <= lastPort;
    }

    /** As it stands in messages. */
    public String ports() {
      return firstPort + "-" + lastPort;
    }
  }

  private List<Grant> egress = DEFAULT_EGRESS;
  private String device = DEFAULT_DEVICE;
  private String pool = DEFAULT_POOL;
  private String pool6 = DEFAULT_POOL6;
  private int mark = DEFAULT_MARK;
  private int maxFlows = DEFAULT_MAX_FLOWS;
  private int maxClients = DEFAULT_MAX_CLIENTS;
  private int maxSessions = DEFAULT_MAX_SESSIONS;
  private int crashGraceMs = DEFAULT_CRASH_GRACE_MS;
  private @Nullable String logDirectory;
  private int logFileBytes = DEFAULT_LOG_FILE_BYTES;
  private int logFiles = DEFAULT_LOG_FILES;
  private int logDays = DEFAULT_LOG_DAYS;
  private String logDetail = DEFAULT_LOG_DETAIL;
  private @Nullable PairOptions pair;

  /** All defaults, and nothing granted. */
  public FishOptions() {}

  /** A copy that shares nothing with the original. */
  public FishOptions(FishOptions other) {
    this(other.toJson());
  }

  /** From the keys of the section {@code fish}; what is not there keeps its default. */
  public FishOptions(JsonObject json) {
    List<Grant> grants = new ArrayList<>();
    for (Object each : json.getJsonArray("egress", new JsonArray())) {
      JsonObject grant = (JsonObject) each;
      grants.add(Grant.of(grant.getString("address", ""), String.valueOf(grant.getValue("ports"))));
    }
    setEgress(grants);
    setDevice(json.getString("device", DEFAULT_DEVICE));
    setPool(json.getString("pool", DEFAULT_POOL));
    setPool6(json.getString("pool6", DEFAULT_POOL6));
    setMark(Bounds.integer(json, "mark", DEFAULT_MARK));
    setMaxFlows(Bounds.integer(json, "maxFlows", DEFAULT_MAX_FLOWS));
    setMaxClients(Bounds.integer(json, "maxClients", DEFAULT_MAX_CLIENTS));
    setMaxSessions(Bounds.integer(json, "maxSessions", DEFAULT_MAX_SESSIONS));
    setCrashGraceMs(Bounds.integer(json, "crashGraceMs", DEFAULT_CRASH_GRACE_MS));
    setLogDirectory(json.getString("logDirectory"));
    setLogFileBytes(Bounds.integer(json, "logFileBytes", DEFAULT_LOG_FILE_BYTES));
    setLogFiles(Bounds.integer(json, "logFiles", DEFAULT_LOG_FILES));
    setLogDays(Bounds.integer(json, "logDays", DEFAULT_LOG_DAYS));
    setLogDetail(json.getString("logDetail", DEFAULT_LOG_DETAIL));
    JsonObject partner = json.getJsonObject("pair");
    setPair(partner == null ? null : new PairOptions(partner));
  }

  /** Where packets may leave from. */
  public List<Grant> getEgress() {
    return egress;
  }

  /**
   * Where packets may leave from: at most 256 grants, each with an address and ports that no other
   * has. Empty: nothing is granted, and Fish does not start.
   */
  public FishOptions setEgress(List<Grant> egress) {
    List<Grant> grants = List.copyOf(egress);
    Bounds.check("number of grants in egress", grants.size(), 0, MOST_GRANTS);
    for (int i = 0; i < grants.size(); i++) {
      Grant grant = grants.get(i);
      Bounds.check("egress.address", grant.address(), ADDRESS, "an IPv4 or IPv6 address");
      for (Grant other : grants.subList(0, i)) {
        if (grant.overlaps(other)) {
          throw new IllegalArgumentException(
              String.format(
                  "egress: %s %s overlaps %s: a port is granted once",
                  grant.address(), grant.ports(), other.ports()));
        }
      }
    }
    this.egress = grants;
    return this;
  }

  /** Name of the tun. */
  public String getDevice() {
    return device;
  }

  /** Name of the tun: a letter, then up to 14 letters, digits and underscores. */
  public FishOptions setDevice(String device) {
    this.device = Bounds.check("device", device, DEVICE, "the name of an interface");
    return this;
  }

  /** Inner IPv4 addresses. */
  public String getPool() {
    return pool;
  }

  /** Inner IPv4 addresses, such as 100.64.0.0/10; the machine uses none of them otherwise. */
  public FishOptions setPool(String pool) {
    this.pool = Bounds.check("pool", pool, PREFIX, "an IPv4 prefix");
    return this;
  }

  /** Inner IPv6 addresses. */
  public String getPool6() {
    return pool6;
  }

  /** Inner IPv6 addresses, such as fd6f:7862:6f77::/64. */
  public FishOptions setPool6(String pool6) {
    this.pool6 = Bounds.check("pool6", pool6, PREFIX, "an IPv6 prefix");
    return this;
  }

  /** Mark of this Fish's conntrack entries. */
  public int getMark() {
    return mark;
  }

  /** Mark of this Fish's conntrack entries, 1 to 2147483647; nobody else uses it there. */
  public FishOptions setMark(int mark) {
    this.mark = Bounds.check("mark", mark, 1, Integer.MAX_VALUE);
    return this;
  }

  /** Connections that there is room for. */
  public int getMaxFlows() {
    return maxFlows;
  }

  /** Connections that there is room for, 1024 to 4194304; ports that rest count. */
  public FishOptions setMaxFlows(int maxFlows) {
    this.maxFlows = Bounds.check("maxFlows", maxFlows, 1024, 4 << 20);
    return this;
  }

  /** Clients that there is room for. */
  public int getMaxClients() {
    return maxClients;
  }

  /** Client addresses of all sessions that there is room for, 16 to 1048576. */
  public FishOptions setMaxClients(int maxClients) {
    this.maxClients = Bounds.check("maxClients", maxClients, 16, 1 << 20);
    return this;
  }

  /** Sessions that there is room for. */
  public int getMaxSessions() {
    return maxSessions;
  }

  /** Sessions of all callers that there is room for, 16 to 65536; those that wait count. */
  public FishOptions setMaxSessions(int maxSessions) {
    this.maxSessions = Bounds.check("maxSessions", maxSessions, 16, 1 << 16);
    return this;
  }

  /** How long the connections of a session wait after a crash, in milliseconds. */
  public int getCrashGraceMs() {
    return crashGraceMs;
  }

  /** Milliseconds, 0 to an hour; then connections end whose session nobody has opened again. */
  public FishOptions setCrashGraceMs(int crashGraceMs) {
    this.crashGraceMs = Bounds.check("crashGraceMs", crashGraceMs, 0, 3_600_000);
    return this;
  }

  /** Where the log of ports is; null: there is none. */
  public @Nullable String getLogDirectory() {
    return logDirectory;
  }

  /** An absolute path for the log of who had which ports when; null for none. */
  public FishOptions setLogDirectory(@Nullable String logDirectory) {
    this.logDirectory =
        logDirectory == null
            ? null
            : Bounds.check("logDirectory", logDirectory, DIRECTORY, "an absolute path");
    return this;
  }

  /** Bytes after which a new file of the log begins. */
  public int getLogFileBytes() {
    return logFileBytes;
  }

  /** Bytes after which a new file of the log begins, 65536 to 1073741824. */
  public FishOptions setLogFileBytes(int logFileBytes) {
    this.logFileBytes = Bounds.check("logFileBytes", logFileBytes, 1 << 16, 1 << 30);
    return this;
  }

  /** Files of the log that are kept. */
  public int getLogFiles() {
    return logFiles;
  }

  /** Files of the log that are kept, 2 to 10000; the oldest go. */
  public FishOptions setLogFiles(int logFiles) {
    this.logFiles = Bounds.check("logFiles", logFiles, 2, 10_000);
    return this;
  }

  /** Days that a file of the log is kept. */
  public int getLogDays() {
    return logDays;
  }

  /** Days that a file of the log is kept after it was written last, 1 to 3650. */
  public FishOptions setLogDays(int logDays) {
    this.logDays = Bounds.check("logDays", logDays, 1, 3650);
    return this;
  }

  /** What the log has: {@code blocks} of ports, or {@code connections}, too. */
  public String getLogDetail() {
    return logDetail;
  }

  /** Whether the log has each connection with its destination. */
  public boolean logsConnections() {
    return logDetail.equals(CONNECTIONS);
  }

  /** What the log has: {@code blocks} of ports, or {@code connections} with destinations, too. */
  public FishOptions setLogDetail(String logDetail) {
    this.logDetail = Bounds.check("logDetail", logDetail, DETAIL, "blocks or connections");
    return this;
  }

  /** The partner that has the same addresses and ports; null: there is none. */
  public @Nullable PairOptions getPair() {
    return pair;
  }

  /** The partner that has the same addresses and ports; null for none. Kept, not copied. */
  public FishOptions setPair(@Nullable PairOptions pair) {
    this.pair = pair;
    return this;
  }

  /** The section {@code fish} with every key. */
  public JsonObject toJson() {
    JsonArray grants = new JsonArray();
    egress.forEach(
        grant ->
            grants.add(
                new JsonObject().put("address", grant.address()).put("ports", grant.ports())));
    JsonObject json =
        new JsonObject()
            .put("egress", grants)
            .put("device", device)
            .put("pool", pool)
            .put("pool6", pool6)
            .put("mark", mark)
            .put("maxFlows", maxFlows)
            .put("maxClients", maxClients)
            .put("maxSessions", maxSessions)
            .put("crashGraceMs", crashGraceMs)
            .put("logFileBytes", logFileBytes)
            .put("logFiles", logFiles)
            .put("logDays", logDays)
            .put("logDetail", logDetail);
    if (pair != null) {
      json.put("pair", pair.toJson());
    }
    return logDirectory == null ? json : json.put("logDirectory", logDirectory);
  }

  @Override
  public String toString() {
    return PairOptions.withoutSecret(toJson()).encode();
  }
}
