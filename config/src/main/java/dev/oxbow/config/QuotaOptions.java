package dev.oxbow.config;

import io.vertx.core.json.JsonObject;
import java.util.Map;
import java.util.TreeMap;

/**
 * What one uid may hold at once; each uid has its own count. Every setter throws {@link
 * IllegalArgumentException} when the value is out of its bounds. Not thread-safe: fill it, then
 * deploy with it.
 */
public final class QuotaOptions {

  /** Control connections. */
  public static final int DEFAULT_CONNECTIONS = 256;

  /** Descriptors in relays, tunnels and sessions, in mailboxes and in unacknowledged events. */
  public static final int DEFAULT_DESCRIPTORS = 12_000;

  /** Relays. */
  public static final int DEFAULT_RELAYS = 4000;

  /** Tunnels. */
  public static final int DEFAULT_TUNNELS = 1000;

  /** TCP connections in tunnels. */
  public static final int DEFAULT_TUNNEL_CONNECTIONS = 65_536;

  /** Sessions. */
  public static final int DEFAULT_SESSIONS = 1000;

  /** Connections in sessions. */
  public static final int DEFAULT_FLOWS = 196_608;

  /** Connections in one session. */
  public static final int DEFAULT_SESSION_FLOWS = 131_072;

  /** New connections in sessions, per second. */
  public static final int DEFAULT_FLOWS_PER_SECOND = 100_000;

  /** New connections in one session, per second. */
  public static final int DEFAULT_SESSION_FLOWS_PER_SECOND = 50_000;

  /** Events in one mailbox. */
  public static final int DEFAULT_MAILBOX_EVENTS = 4096;

  /** A quarter of an hour. */
  public static final int DEFAULT_MAILBOX_AGE_MS = 900_000;

  /** 1 MiB per request. */
  public static final int DEFAULT_METADATA_BYTES = 1 << 20;

  /** 128 MiB. */
  public static final int DEFAULT_HELD_BYTES = 128 << 20;

  private int connections = DEFAULT_CONNECTIONS;
  private int descriptors = DEFAULT_DESCRIPTORS;
  private int relays = DEFAULT_RELAYS;
  private int tunnels = DEFAULT_TUNNELS;
  private int tunnelConnections = DEFAULT_TUNNEL_CONNECTIONS;
  private int sessions = DEFAULT_SESSIONS;
  private int flows = DEFAULT_FLOWS;
  private int sessionFlows = DEFAULT_SESSION_FLOWS;
  private int flowsPerSecond = DEFAULT_FLOWS_PER_SECOND;
  private int sessionFlowsPerSecond = DEFAULT_SESSION_FLOWS_PER_SECOND;
  private int mailboxEvents = DEFAULT_MAILBOX_EVENTS;
  private int mailboxAgeMs = DEFAULT_MAILBOX_AGE_MS;
  private int metadataBytes = DEFAULT_METADATA_BYTES;
  private int heldBytes = DEFAULT_HELD_BYTES;

  /** Complete quotas by uid; their own perUid is empty. */
  private final Map<Long, QuotaOptions> perUid = new TreeMap<>();

  /** All defaults. */
  public QuotaOptions() {}

  /** A copy that shares nothing with the original. */
  public QuotaOptions(QuotaOptions other) {
    this.connections = other.connections;
    this.descriptors = other.descriptors;
    this.relays = other.relays;
    this.tunnels = other.tunnels;
    this.tunnelConnections = other.tunnelConnections;
    this.sessions = other.sessions;
    this.flows = other.flows;
    this.sessionFlows = other.sessionFlows;
    this.flowsPerSecond = other.flowsPerSecond;
    this.sessionFlowsPerSecond = other.sessionFlowsPerSecond;
    this.mailboxEvents = other.mailboxEvents;
    this.mailboxAgeMs = other.mailboxAgeMs;
    this.metadataBytes = other.metadataBytes;
    this.heldBytes = other.heldBytes;
    other.perUid.forEach((uid, quotas) -> perUid.put(uid, new QuotaOptions(quotas)));
  }

  /**
   * From the keys of the section {@code quotas}; what is not there keeps its default, and what is
   * not in an entry of {@code perUid} is as in the section.
   */
  public QuotaOptions(JsonObject json) {
    override(json);
    JsonObject overrides = json.getJsonObject("perUid");
    if (overrides != null) {
      var base = new QuotaOptions(this);
      for (String uid : overrides.fieldNames()) {
        JsonObject entry = overrides.getJsonObject(uid);
        var quotas = new QuotaOptions(base);
        setPerUid(Long.parseLong(uid), entry == null ? quotas : quotas.override(entry));
      }
    }
  }

  private QuotaOptions override(JsonObject json) {
    setConnections(Bounds.integer(json, "connections", connections));
    setDescriptors(Bounds.integer(json, "descriptors", descriptors));
    setRelays(Bounds.integer(json, "relays", relays));
    setTunnels(Bounds.integer(json, "tunnels", tunnels));
    setTunnelConnections(Bounds.integer(json, "tunnelConnections", tunnelConnections));
    setSessions(Bounds.integer(json, "sessions", sessions));
    setFlows(Bounds.integer(json, "flows", flows));
    setSessionFlows(Bounds.integer(json, "sessionFlows", sessionFlows));
    setFlowsPerSecond(Bounds.integer(json, "flowsPerSecond", flowsPerSecond));
    setSessionFlowsPerSecond(Bounds.integer(json, "sessionFlowsPerSecond", sessionFlowsPerSecond));
    setMailboxEvents(Bounds.integer(json, "mailboxEvents", mailboxEvents));
    setMailboxAgeMs(Bounds.integer(json, "mailboxAgeMs", mailboxAgeMs));
    setMetadataBytes(Bounds.integer(json, "metadataBytes", metadataBytes));
    setHeldBytes(Bounds.integer(json, "heldBytes", heldBytes));
    return this;
  }

  /** The quotas that hold for a uid: its own ones, or else these. */
  public QuotaOptions forUid(long uid) {
    return perUid.getOrDefault(uid, this);
  }

  /**
   * Gives a uid quotas of its own, complete ones, as they are now: {@code quotas.setPerUid(1000,
   * new QuotaOptions(quotas).setRelays(20_000))}. Overrides within them are left out.
   *
   * @param uid 0 to 2^32-2
   */
  public QuotaOptions setPerUid(long uid, QuotaOptions quotas) {
    var copy = new QuotaOptions(quotas);
    copy.perUid.clear();
    perUid.put(Bounds.check("perUid", uid, 0, Bounds.MAX_ID), copy);
    return this;
  }

  /** Control connections that one uid may have open at once. */
  public int getConnections() {
    return connections;
  }

  /** Control connections that one uid may have open at once, 1 to 65536. */
  public QuotaOptions setConnections(int connections) {
    this.connections = Bounds.check("connections", connections, 1, 65_536);
    return this;
  }

  /** Descriptors that a service may hold for one uid. */
  public int getDescriptors() {
    return descriptors;
  }

  /**
   * Descriptors that a service may hold for one uid, 1 to 1048576; a relay takes two, a tunnel or a
   * session one.
   */
  public QuotaOptions setDescriptors(int descriptors) {
    this.descriptors = Bounds.check("descriptors", descriptors, 1, 1 << 20);
    return this;
  }

  /** Relays that one uid may have at once. */
  public int getRelays() {
    return relays;
  }

  /** Relays that one uid may have at once, 1 to 1000000. */
  public QuotaOptions setRelays(int relays) {
    this.relays = Bounds.check("relays", relays, 1, 1_000_000);
    return this;
  }

  /** Tunnels that one uid may have at once. */
  public int getTunnels() {
    return tunnels;
  }

  /** Tunnels that one uid may have at once, 1 to 16384. */
  public QuotaOptions setTunnels(int tunnels) {
    this.tunnels = Bounds.check("tunnels", tunnels, 1, BumblebeeOptions.MOST_TUNNELS);
    return this;
  }

  /** TCP connections that the tunnels of one uid may have at once. */
  public int getTunnelConnections() {
    return tunnelConnections;
  }

  /** TCP connections that the tunnels of one uid may have at once, 1 to 16777216. */
  public QuotaOptions setTunnelConnections(int tunnelConnections) {
    this.tunnelConnections = Bounds.check("tunnelConnections", tunnelConnections, 1, 1 << 24);
    return this;
  }

  /** Sessions that one uid may have at once. */
  public int getSessions() {
    return sessions;
  }

  /** Sessions that one uid may have at once, 1 to 65536; each takes one descriptor. */
  public QuotaOptions setSessions(int sessions) {
    this.sessions = Bounds.check("sessions", sessions, 1, 1 << 16);
    return this;
  }

  /** Connections that the sessions of one uid may have at once. */
  public int getFlows() {
    return flows;
  }

  /**
   * Connections that the sessions of one uid may have at once, 1 to 4194304; ports that rest count.
   */
  public QuotaOptions setFlows(int flows) {
    this.flows = Bounds.check("flows", flows, 1, 4 << 20);
    return this;
  }

  /** Connections that one session may have at once. */
  public int getSessionFlows() {
    return sessionFlows;
  }

  /** Connections that one session may have at once, 1 to 4194304; ports that rest count. */
  public QuotaOptions setSessionFlows(int sessionFlows) {
    this.sessionFlows = Bounds.check("sessionFlows", sessionFlows, 1, 4 << 20);
    return this;
  }

  /** New connections per second of all sessions of one uid. */
  public int getFlowsPerSecond() {
    return flowsPerSecond;
  }

  /**
   * New connections per second of all sessions of one uid, 1 to 1000000; as many may come at once.
   */
  public QuotaOptions setFlowsPerSecond(int flowsPerSecond) {
    this.flowsPerSecond = Bounds.check("flowsPerSecond", flowsPerSecond, 1, 1_000_000);
    return this;
  }

  /** New connections per second of one session. */
  public int getSessionFlowsPerSecond() {
    return sessionFlowsPerSecond;
  }

  /** New connections per second of one session, 1 to 1000000; as many may come at once. */
  public QuotaOptions setSessionFlowsPerSecond(int sessionFlowsPerSecond) {
    this.sessionFlowsPerSecond =
        Bounds.check("sessionFlowsPerSecond", sessionFlowsPerSecond, 1, 1_000_000);
    return this;
  }

  /** Events that wait in one mailbox. */
  public int getMailboxEvents() {
    return mailboxEvents;
  }

  /** Events that wait in one mailbox, 1 to 1000000; the oldest falls out. */
  public QuotaOptions setMailboxEvents(int mailboxEvents) {
    this.mailboxEvents = Bounds.check("mailboxEvents", mailboxEvents, 1, 1_000_000);
    return this;
  }

  /** How long an event waits in a mailbox, in milliseconds. */
  public int getMailboxAgeMs() {
    return mailboxAgeMs;
  }

  /** How long an event waits in a mailbox, 10 ms to a week. */
  public QuotaOptions setMailboxAgeMs(int mailboxAgeMs) {
    this.mailboxAgeMs = Bounds.check("mailboxAgeMs", mailboxAgeMs, 10, 604_800_000);
    return this;
  }

  /** Metadata of one request, in bytes of JSON. */
  public int getMetadataBytes() {
    return metadataBytes;
  }

  /** Metadata of one request, 64 bytes to 8 MiB of JSON. */
  public QuotaOptions setMetadataBytes(int metadataBytes) {
    this.metadataBytes = Bounds.check("metadataBytes", metadataBytes, 64, 8 << 20);
    return this;
  }

  /** Bytes that a service may hold for one uid. */
  public int getHeldBytes() {
    return heldBytes;
  }

  /**
   * Bytes that a service may hold for one uid, 64 KiB to 2 GiB less one: metadata of what lives and
   * of what is in mailboxes, preludes that are not written yet, and undelivered bytes.
   */
  public QuotaOptions setHeldBytes(int heldBytes) {
    this.heldBytes = Bounds.check("heldBytes", heldBytes, 65_536, Integer.MAX_VALUE);
    return this;
  }

  /** The section {@code quotas} with every key; entries of {@code perUid} are complete. */
  public JsonObject toJson() {
    var overrides = new JsonObject();
    perUid.forEach((uid, quotas) -> overrides.put(Long.toString(uid), quotas.values()));
    return values().put("perUid", overrides);
  }

  private JsonObject values() {
    return new JsonObject()
        .put("connections", connections)
        .put("descriptors", descriptors)
        .put("relays", relays)
        .put("tunnels", tunnels)
        .put("tunnelConnections", tunnelConnections)
        .put("sessions", sessions)
        .put("flows", flows)
        .put("sessionFlows", sessionFlows)
        .put("flowsPerSecond", flowsPerSecond)
        .put("sessionFlowsPerSecond", sessionFlowsPerSecond)
        .put("mailboxEvents", mailboxEvents)
        .put("mailboxAgeMs", mailboxAgeMs)
        .put("metadataBytes", metadataBytes)
        .put("heldBytes", heldBytes);
  }

  @Override
  public String toString() {
    return toJson().encode();
  }
}
