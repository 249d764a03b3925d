package dev.oxbow.handoff.upgrade;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.handoff.cargo.Transferable.Layout;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DescriptorLeaks
class TermsTest {
  private static final Terms SERVING = terms(3, 2, "1.0", Map.of("splicer", new Layout(5, 3)), 0);

  private static Terms terms(
      int protocol, int oldest, String version, Map<String, Layout> services, long free) {
    return new Terms(protocol, oldest, version, 42, services, free);
  }

  private static Terms next(int version, int oldest) {
    return terms(3, 2, "2.0", Map.of("splicer", new Layout(version, oldest)), 1000);
  }

  @Test
  void whoReadsTheStateMayTakeOver() {
    assertThat(SERVING.objection(next(5, 5), 744)).isNull();
    assertThat(SERVING.objection(next(9, 5), 744)).isNull();
    assertThat(SERVING.objection(next(5, 1), 744)).isNull();
  }

  @Test
  void protocolsThatDoNotMeetAreRefusedWithBothVersions() {
    Map<String, Layout> services = SERVING.services();
    assertThat(SERVING.objection(terms(1, 1, "0.9", services, 1000), 0))
        .isEqualTo("version 0.9 speaks hand-over protocol 1 to 1, version 1.0 speaks 2 to 3");
    assertThat(SERVING.objection(terms(6, 4, "2.0", services, 1000), 0))
        .isEqualTo("version 2.0 speaks hand-over protocol 4 to 6, version 1.0 speaks 2 to 3");
    assertThat(SERVING.objection(terms(2, 1, "0.9", services, 1000), 0)).isNull();
    assertThat(SERVING.objection(terms(6, 3, "2.0", services, 1000), 0)).isNull();
  }

  @Test
  void otherServicesAreRefused() {
    Map<String, Layout> both = Map.of("splicer", new Layout(5, 3), "fish", new Layout(1, 1));
    assertThat(SERVING.objection(terms(3, 2, "2.0", both, 1000), 0))
        .isEqualTo(
            "the configuration of the successor switches on [fish, splicer], and [splicer] serve");
    assertThat(SERVING.objection(terms(3, 2, "2.0", Map.of(), 1000), 0))
        .isEqualTo("the configuration of the successor switches on [], and [splicer] serve");
  }

  @Test
  void layoutThatIsNotReadIsRefusedWithBothVersions() {
    assertThat(SERVING.objection(next(4, 1), 0))
        .isEqualTo(
            "the state of splicer is in layout 5 of version 1.0, and version 2.0 reads 1 to 4");
    assertThat(SERVING.objection(next(8, 6), 0))
        .isEqualTo(
            "the state of splicer is in layout 5 of version 1.0, and version 2.0 reads 6 to 8");
  }

  @Test
  void tooFewDescriptorsAreRefusedBeforeTheyAreSent() {
    assertThat(SERVING.objection(next(5, 5), 745))
        .isEqualTo(
            "the successor can take 1000 descriptors and needs 1001; raise its RLIMIT_NOFILE");
  }

  @Test
  void termsArriveAsTheyWereWritten() {
    Terms terms = Terms.own("1.2", Map.of("splicer", new Layout(2, 1)), 77);
    Message message = Message.parse(terms.write(new MessageWriter()).bytes());
    assertThat(Terms.read(message)).isEqualTo(terms);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {} | services
          {"services":{"x":{"version":1}}} | oldest
          {"services":{"x":{"version":0,"oldest":1}}} | version
          {"services":{}} | protocol
          {"services":{},"protocol":1,"oldestProtocol":1,"pid":1} | version
          {"services":{},"protocol":1,"oldestProtocol":1,"version":"1","pid":0} | pid
          {"services":{},"protocol":1,"oldestProtocol":1,"version":"1","pid":1} | descriptorsFree
          """)
  void memberThatIsMissingOrWrongIsNamed(String json, String member) {
    Message message = Message.parse(json.getBytes(StandardCharsets.UTF_8));
    assertThatThrownBy(() -> Terms.read(message))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining(member + ":");
  }
}
