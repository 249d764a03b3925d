package dev.oxbow.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.config.FishOptions.Grant;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class OptionsTest {

  private static final ConfigSchema SCHEMA = ConfigSchema.load();

  static Stream<Arguments> constants() throws IllegalAccessException {
    List<Arguments> found = new ArrayList<>();
    collect(found, "control", ControlOptions.class);
    collect(found, "quotas", QuotaOptions.class);
    collect(found, "handoff", HandoffOptions.class);
    collect(found, "splicer", SplicerOptions.class);
    collect(found, "bumblebee", BumblebeeOptions.class);
    collect(found, "fish", FishOptions.class);
    collect(found, "fish.pair", PairOptions.class);
    return found.stream();
  }

  private static void collect(List<Arguments> found, String section, Class<?> type)
      throws IllegalAccessException {
    for (Field field : type.getFields()) {
      if (Modifier.isStatic(field.getModifiers()) && field.getName().startsWith("DEFAULT_")) {
        String name = field.getName().substring("DEFAULT_".length());
        found.add(Arguments.of(section, camelCase(name), field.get(null)));
      }
    }
  }

  private static String camelCase(String constant) {
    var text = new StringBuilder();
    for (String word : constant.toLowerCase(Locale.ROOT).split("_", -1)) {
      text.append(
          text.isEmpty()
              ? word
              : word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1));
    }
    return text.toString();
  }

  @ParameterizedTest
  @MethodSource("constants")
  void defaultConstantIsTheDefaultOfTheSchema(String section, String key, Object constant) {
    Object expected = SCHEMA.at(path(section + "." + key)).getValue("default");

    String text =
        key.endsWith("Mode")
            ? "0" + Integer.toOctalString((Integer) constant)
            : constant instanceof Collection<?> ids ? List.copyOf(ids).toString() : "" + constant;
    assertThat(text).isEqualTo(expected.toString());
  }

  private static List<String> path(String dotted) {
    return List.of(dotted.split("\\.", -1));
  }

  @Test
  void everyDefaultOfTheSchemaIsConstant() throws IllegalAccessException {
    Set<String> keys = Set.copyOf(constants().map(a -> a.get()[0] + "." + a.get()[1]).toList());
    for (String section :
        List.of("control", "quotas", "handoff", "splicer", "bumblebee", "fish", "fish.pair")) {
      JsonObject node = SCHEMA.at(path(section));
      for (String key : ConfigSchema.keys(node)) {
        Object value = SCHEMA.child(node, key).getValue("default");
        if (value != null && !(value instanceof JsonObject)) {
          assertThat(keys).contains(section + "." + key);
        }
      }
    }
  }

  static Stream<Arguments> setters() {
    return Stream.of(
        setter("quotas", "connections", n -> new QuotaOptions().setConnections(n)),
        setter("quotas", "descriptors", n -> new QuotaOptions().setDescriptors(n)),
        setter("quotas", "relays", n -> new QuotaOptions().setRelays(n)),
        setter("quotas", "tunnels", n -> new QuotaOptions().setTunnels(n)),
        setter("quotas", "tunnelConnections", n -> new QuotaOptions().setTunnelConnections(n)),
        setter("quotas", "sessions", n -> new QuotaOptions().setSessions(n)),
        setter("quotas", "flows", n -> new QuotaOptions().setFlows(n)),
        setter("quotas", "sessionFlows", n -> new QuotaOptions().setSessionFlows(n)),
        setter("quotas", "flowsPerSecond", n -> new QuotaOptions().setFlowsPerSecond(n)),
        setter(
            "quotas", "sessionFlowsPerSecond", n -> new QuotaOptions().setSessionFlowsPerSecond(n)),
        setter("quotas", "mailboxEvents", n -> new QuotaOptions().setMailboxEvents(n)),
        setter("quotas", "mailboxAgeMs", n -> new QuotaOptions().setMailboxAgeMs(n)),
        setter("quotas", "metadataBytes", n -> new QuotaOptions().setMetadataBytes(n)),
        setter("quotas", "heldBytes", n -> new QuotaOptions().setHeldBytes(n)),
        setter("handoff", "deadlineMs", n -> new HandoffOptions().setDeadlineMs(n)),
        setter("handoff", "groupDeadlineMs", n -> new HandoffOptions().setGroupDeadlineMs(n)),
        setter("splicer", "loops", n -> new SplicerOptions().setLoops(n)),
        setter("splicer", "pipeBytes", n -> new SplicerOptions().setPipeBytes(n)),
        setter("splicer", "idlePipes", n -> new SplicerOptions().setIdlePipes(n)),
        setter("splicer", "stallMs", n -> new SplicerOptions().setStallMs(n)),
        setter("splicer", "busyPollMicros", n -> new SplicerOptions().setBusyPollMicros(n)),
        setter("bumblebee", "loops", n -> new BumblebeeOptions().setLoops(n)),
        setter("bumblebee", "maxTunnels", n -> new BumblebeeOptions().setMaxTunnels(n)),
        setter("bumblebee", "groupConnections", n -> new BumblebeeOptions().setGroupConnections(n)),
        setter("bumblebee", "handshakes", n -> new BumblebeeOptions().setHandshakes(n)),
        setter("fish", "mark", n -> new FishOptions().setMark(n)),
        setter("fish", "maxFlows", n -> new FishOptions().setMaxFlows(n)),
        setter("fish", "maxClients", n -> new FishOptions().setMaxClients(n)),
        setter("fish", "maxSessions", n -> new FishOptions().setMaxSessions(n)),
        setter("fish", "crashGraceMs", n -> new FishOptions().setCrashGraceMs(n)),
        setter("fish", "logFileBytes", n -> new FishOptions().setLogFileBytes(n)),
        setter("fish", "logFiles", n -> new FishOptions().setLogFiles(n)),
        setter("fish", "logDays", n -> new FishOptions().setLogDays(n)),
        setter("fish.pair", "loanMs", n -> pair().setLoanMs(n)),
        setter("fish.pair", "quarantineMs", n -> pair().setQuarantineMs(n)),
        setter("fish.pair", "ageMs", n -> pair().setAgeMs(n)),
        setter("fish.pair", "flushMs", n -> pair().setFlushMs(n)),
        setter("fish.pair", "lostMs", n -> pair().setLostMs(n)));
  }

  private static Arguments setter(String section, String key, IntFunction<Object> setter) {
    return Arguments.of(section, key, setter);
  }

  @ParameterizedTest
  @MethodSource("setters")
  void setterHasTheBoundsOfTheSchema(String section, String key, IntFunction<Object> setter) {
    JsonObject about = SCHEMA.at(path(section + "." + key));
    int min = about.getInteger("minimum");
    int max = about.getInteger("maximum");

    assertThat(setter.apply(min)).asString().contains("\"" + key + "\":" + min);
    assertThat(setter.apply(max)).asString().contains("\"" + key + "\":" + max);
    for (int wrong : new int[] {min - 1, max + 1}) {
      assertThatThrownBy(() -> setter.apply(wrong))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "%s: %d is not right: expected an integer from %d to %d", key, wrong, min, max);
    }
  }

  @Test
  void controlSettersRefuseWhatTheSchemaRefuses() {
    var control = new ControlOptions();
    assertThatThrownBy(() -> control.setDirectoryMode(0650))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("directoryMode: 0650 is not right: expected an octal mode from 0700 to 0777");
    assertThatThrownBy(() -> control.setSocketMode(01000))
        .hasMessage("socketMode: 1000 is not right: expected an octal mode from 0600 to 0777");
    assertThatThrownBy(() -> control.setSocketGroup("a b"))
        .hasMessage("socketGroup: \"a b\" is not right: expected the name of a group or a gid");
    assertThatThrownBy(() -> control.setAllowedUids(List.of(-1L)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> control.setAllowedGids(List.of(4_294_967_295L)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatCode(() -> control.setSocketGroup(null)).doesNotThrowAnyException();
  }

  @Test
  void runtimeDirIsAbsoluteAndShort() {
    var longest = Path.of("/" + "x".repeat(OxbowOptions.MAX_RUNTIME_DIR_LENGTH - 1));
    assertThat(new OxbowOptions(longest).getRuntimeDir()).isEqualTo(longest);
    assertThat(SCHEMA.at(List.of("runtimeDir")).getInteger("maxLength"))
        .isEqualTo(OxbowOptions.MAX_RUNTIME_DIR_LENGTH);
    for (Path wrong : List.of(Path.of("run"), Path.of(longest + "x"))) {
      assertThatThrownBy(() -> new OxbowOptions(wrong))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageEndingWith("expected an absolute path, at most 90 ASCII characters");
    }
  }

  @Test
  void quotasOfOneUidOverrideOnlyWhatTheyName() {
    var quotas =
        new QuotaOptions(new JsonObject("{\"relays\":10,\"perUid\":{\"7\":{\"descriptors\":5}}}"));

    assertThat(quotas.forUid(7).getDescriptors()).isEqualTo(5);
    assertThat(quotas.forUid(7).getRelays()).isEqualTo(10);
    assertThat(quotas.forUid(8)).isSameAs(quotas);
  }

  @Test
  void jsonIntegerThatDoesNotFitIsRefused() {
    assertThatThrownBy(() -> new SplicerOptions(new JsonObject().put("loops", 1L << 32)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void commandOfTheNextProcessIsRefusedWhereItCannotBeExecuted() {
    for (List<String> wrong :
        List.of(List.of(""), List.of("a", "b\0"), Collections.nCopies(257, "a"))) {
      assertThatThrownBy(() -> new HandoffOptions().setCommand(wrong))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("command: not right: expected a program and its arguments");
    }
    assertThat(new HandoffOptions().setCommand(List.of("a", "")).getCommand())
        .containsExactly("a", "");
  }

  @Test
  void grantsAreCheckedOneByOneAndTogether() {
    var fish = new FishOptions();
    List<Grant> good = List.of(Grant.of("203.0.113.7", "7-9"), Grant.of("203.0.113.8", "7-9"));
    assertThat(fish.setEgress(good).getEgress()).isEqualTo(good);
    assertThatThrownBy(
            () -> fish.setEgress(List.of(Grant.of("FD00::1", "7-9"), Grant.of("fd00::1", "9"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("egress: fd00::1 9-9 overlaps 7-9: a port is granted once");
    assertThatThrownBy(() -> fish.setEgress(List.of(Grant.of("here", "7"))))
        .hasMessage("egress.address: \"here\" is not right: expected an IPv4 or IPv6 address");
    assertThatThrownBy(() -> new Grant("203.0.113.7", 9, 8))
        .hasMessage("ports: 9-8; expected a range within 1-65535, the lower port first");
    List<Grant> many =
        IntStream.rangeClosed(1, 257).mapToObj(port -> new Grant("::1", port, port)).toList();
    assertThatThrownBy(() -> fish.setEgress(many))
        .hasMessage(
            "number of grants in egress: 257 is not right: expected an integer from 0 to 256");
    assertThat(fish.getEgress()).isEqualTo(good);
  }

  private static PairOptions pair() {
    return new PairOptions("edge-1", "first", "10.9.0.1:5701", List.of("[fd00::2]:5702"));
  }

  @Test
  void partnerIsCopiedWithItsSecretWhichIsNotShown() {
    var fish = new FishOptions().setPair(pair().setSecret("not to be seen"));
    PairOptions copy = new FishOptions(fish).getPair();
    assertThat(copy.getSecret()).isEqualTo("not to be seen");
    assertThat(copy.noSecret()).contains("no secret: whoever reaches 10.9.0.1:5701 can speak");
    assertThat(copy).isNotSameAs(fish.getPair());
    assertThat(copy.toJson()).isEqualTo(fish.getPair().toJson());
    var all = new OxbowOptions(Path.of("/run/oxbow")).setFish(fish);
    for (Object printed : List.of(all, fish, copy)) {
      assertThat(printed.toString()).contains("edge-1").doesNotContain("not to be seen");
    }
    assertThat(PairOptions.host("[fd00::2]:5702")).isEqualTo("fd00::2");
    assertThat(PairOptions.port("[fd00::2]:5702")).isEqualTo(5702);
  }

  @Test
  void partnerThatCannotBeIsRefused() {
    assertThatThrownBy(
            () -> new PairOptions("edge-1", "third", "10.9.0.1:1", List.of("10.9.0.2:1")))
        .hasMessage("home: \"third\" is not right: expected first or second");
    assertThatThrownBy(() -> new PairOptions("edge-1", "first", "10.9.0.1", List.of("10.9.0.2:1")))
        .hasMessage(
            "listen: \"10.9.0.1\" is not right: expected an address and a port such as"
                + " 10.9.0.1:5701");
    assertThatThrownBy(
            () -> new PairOptions("edge-1", "first", "10.9.0.1:1", List.of("10.9.0.2:65536")))
        .hasMessageStartingWith("port of peers: 65536 is not right");
    assertThatThrownBy(() -> new PairOptions("edge-1", "first", "10.9.0.1:1", List.of()))
        .hasMessageStartingWith("number of peers: 0 is not right");
    assertThatThrownBy(() -> pair().setSecret("short"))
        .hasMessage("secret: expected 8 to 1024 ASCII characters");
  }

  @Test
  void secretIsReadFromItsFile(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("secret"), "long enough\nand more\n");
    assertThat(pair().readSecret()).isNull();
    assertThat(pair().setSecret("or this one").readSecret()).isEqualTo("or this one");
    assertThat(pair().setSecretFile(file.toString()).readSecret()).isEqualTo("long enough");
    assertThatThrownBy(
            () -> pair().setSecret("or this one").setSecretFile(file.toString()).readSecret())
        .hasMessage("fish.pair: secret and secretFile are both given; one is enough");
    assertThatThrownBy(() -> pair().setSecretFile(folder + "/none").readSecret())
        .hasMessageStartingWith("fish.pair.secretFile: " + folder + "/none cannot be read");
    Files.writeString(file, "short\n");
    assertThatThrownBy(() -> pair().setSecretFile(file.toString()).readSecret())
        .hasMessageEndingWith("has not 8 to 1024 ASCII characters");
  }

  @Test
  void copySharesNothingWithItsOriginal() {
    var original =
        new OxbowOptions(Path.of("/run/oxbow"))
            .setControl(new ControlOptions().setSocketGroup("adm").setAllowedUids(Set.of(5L)))
            .setQuotas(new QuotaOptions().setPerUid(7, new QuotaOptions().setRelays(1)))
            .setHandoff(new HandoffOptions().setCommand(List.of("/bin/true")))
            .setSplicer(new SplicerOptions().setLoops(2))
            .setBumblebee(new BumblebeeOptions().setLoops(2));
    JsonObject before = original.toJson();

    var copy = new OxbowOptions(original);
    assertThat(copy.toJson()).isEqualTo(before);
    copy.getControl().setSocketMode(0600);
    copy.getQuotas().forUid(7).setRelays(2);
    copy.getHandoff().setDeadlineMs(1000);
    copy.getSplicer().setLoops(1);
    copy.getBumblebee().setLoops(1);
    copy.setRuntimeDir(Path.of("/tmp")).setSplicer(null);

    assertThat(original.toJson()).isEqualTo(before);
  }
}
