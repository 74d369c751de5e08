"""What the messages of :mod:`helpers.datasets.messages` are made of. All of it is INVENTED for this course.

No sentence comes from a real message, and there is no person, firm, address, number or link in it. The notation:
``[a|b|]`` means one of a, b and nothing, and may stand inside another; ``{word}`` is one entry of that list in `WORDS`.

A kind of message is a list of frames. Honest and spam messages share much of their vocabulary on purpose: a school
raffle has winners, a bank that wants nothing has accounts, and a polite spam message says please.
"""

from __future__ import annotations

WORDS: dict[str, tuple[str, ...]] = {
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "hour": ("nine", "ten", "eleven", "noon", "two", "three", "half past four", "five", "six", "seven"),
    "few": ("two", "three", "four", "five", "six"),
    "room": ("the library", "room 12", "the small hall", "the canteen", "the blue room", "the office", "the old gym"),
    "thing": ("bicycle", "umbrella", "scarf", "water bottle", "blue jacket", "drill", "ladder", "tent", "guitar"),
    "food": ("soup", "lentil curry", "apple cake", "pancakes", "dumplings", "bread", "pasta", "plum tart"),
    "work": ("report", "draft", "budget", "plan", "poster", "timetable", "survey", "proposal", "leaflet", "song list"),
    "topic": ("photography", "statistics", "first aid", "gardening", "pottery", "chess", "robotics", "baking"),
    "relative": ("uncle", "late husband", "father", "late client", "grandfather", "late employer"),
    "office": ("Minister of Mines", "director of a bank", "oil trader", "harbour master", "royal treasurer", "general"),
    "far": ("a far kingdom", "a small island state", "a country at war", "a distant province", "the old kingdom"),
    "million": ("2 million", "4.5 million", "9 million", "12 million", "18.5 million", "27 million", "40 million"),
    "hundred": ("200", "500", "750", "900", "1,000", "2,500", "5,000"),
    "small": ("2", "3", "4", "5", "7", "9", "12", "15", "20"),
    "percent": ("10", "15", "20", "25", "30", "40"),
    "gadget": ("phone", "tablet", "voucher", "gift card", "holiday", "watch", "laptop", "headset"),
}
"""Lists of words, by the name that stands in curly brackets."""

GREETINGS: dict[str, tuple[str, ...]] = {
    "honest": (
        "Hi all,",
        "Hi,",
        "Hello,",
        "Dear all,",
        "Dear colleagues,",
        "Hey,",
        "Good morning,",
        "Dear neighbours,",
        "Hi team,",
        "Dear members,",
        "Dear customer,",
        "Dear friends,",
        "",
        "",
        "",
        "",
    ),
    "spam": (
        "Dear friend,",
        "Hello,",
        "Hi,",
        "Dear customer,",
        "Dear Sir or Madam,",
        "Attention please!",
        "Good day,",
        "Dear winner,",
        "Greetings,",
        "Dear member,",
        "Dear friends,",
        "Dear colleague,",
        "",
        "",
        "",
        "",
    ),
}
"""How a message begins."""

CLOSINGS: dict[str, tuple[str, ...]] = {
    "honest": (
        "Thanks!",
        "Thank you.",
        "Best wishes",
        "See you there!",
        "Kind regards",
        "Love from all of us",
        "Cheers",
        "Yours, the office",
        "Best regards",
        "Talk soon",
        "",
        "",
        "",
        "",
        "",
    ),
    "spam": (
        "Thank you.",
        "God bless you.",
        "Kind regards",
        "Best regards",
        "Yours faithfully",
        "Act now!",
        "Your trusted partner",
        "Customer care",
        "Yours in confidence",
        "Do not miss it!",
        "Thanks!",
        "",
        "",
        "",
        "",
    ),
}
"""How it ends."""

SHARED = (
    "Please reply by {day}.",
    "Please let me know.",
    "I hope this finds you well.",
    "There is no charge, it is free.",
    "It takes {small} minutes.",
    "[Just click|Click] the link below.",
    "You can claim it until {day}.",
    "Your account will be updated on {day}.",
    "Please confirm [your|the] details.",
    "The offer ends on {day}.",
    "Places are limited.",
    "Thank you for your time.",
    "Please keep this [message|] to yourself for now.",
    "I am writing to you because we have met before.",
    "Do you have a minute today?",
    "This is urgent.",
    "The payment is due on {day}.",
    "Everything is explained in the attachment.",
    "It will be worth it!",
    "Please do not forward this.",
    "I am looking forward to your answer.",
    "The money is safe.",
    "We will send the rest by {day}.",
    "No answer is needed.",
)
"""Sentences that may stand in any message, honest or not."""

HONEST: dict[str, tuple[str, ...]] = {
    "meeting": (
        "[The meeting|Our call|The review|The weekly round] moves [from {day} |]to {day} at {hour}[, in {room}|]. "
        "[Please bring the {work}.|I will send the {work} before.|The {work} [is|will be] on the shared drive.|]",
        "Can we [meet|talk|sit down] on {day} [at {hour}|after lunch|before noon]? I [have questions about|am stuck "
        "with|would like to go through] the {work}[ and it should not take long|].",
        "I cannot make it on {day}. [Could someone take notes?|Would {hour} on {day} do?|Please start without me.]",
    ),
    "work": (
        "I have [read|gone through|corrected] the {work}. [Page {small} needs another look.|It reads well now.|The "
        "second part is too long.] [Shall we print it?|Could you check the numbers?|Send it to the printer when you "
        "like.]",
        "The {work} is [nearly |]done. [Only the table on page {small} is missing.|I need the figures from your "
        "group by {day}.|Whoever finds a mistake gets a coffee.]",
        "[The server|The printer|The projector in {room}] [was down|is out of order|needs a restart]. [Save your "
        "work before {hour}.|We [expect|hope] to have it back by {day}.|Use the one in {room} meanwhile.]",
    ),
    "family": (
        "[Are you coming|Will you be home|Do you eat with us] on {day}? [There is|We make|I am cooking] {food}[, and "
        "your cousins come too|, bring an appetite|].",
        "[Can you|Could you] [pick up|fetch|buy] [milk and eggs|the little one from school|my {thing} from {room}] "
        "on your way[ home|]? [I am late again.|The train stands still.|]",
        "[We arrived safely.|The train was late, but we are there.] [The weather is lovely.|It rains.] [We miss you.|"
        "Water the plants, please.|The cat is at the neighbours'.]",
    ),
    "library": (
        "[The book that you ordered|Your {topic} book|The film you reserved] is [ready|back]. [We keep it until "
        "{day}.|Please bring your card.] [There is no fee.|The fee is {small} coins.|]",
        "[Two|{small}] books on your card are due on {day}. [You can extend them [online|at the desk].|After that a "
        "fee of {small} coins [is due|applies].]",
    ),
    "appointment": (
        "[This is a reminder of|We confirm|You have] your appointment on {day} at {hour}. [If you cannot come, "
        "please [call|tell] us a day before.|Please bring your [card|papers|glasses].]",
        "[Your bicycle|Your {thing}|The car] is repaired[ and can be fetched until {hour}|]. [The bill is {hundred} "
        "coins[, parts included|].|It cost less than we said.]",
    ),
    "club": (
        "[Training|Rehearsal|Practice] is on {day} at {hour} in {room}. [Bring your {thing}.|Newcomers are welcome.|"
        "The door is open from {hour}.]",
        "The {topic} club meets on {day}. [This time we look at|We start with] [what you made|last week's pictures|a "
        "short talk]. [There will be {food}.|Bring {food} if you can.|]",
    ),
    "lost": (
        "I have [lost|left] my {thing} [in|near|at] {room}. [Has anyone seen it?|It has a small scratch.|Whoever "
        "finds it gets {food}.]",
        "A {thing} was found in {room}. [If it is yours, it waits at the desk.|Tell us what colour it is and claim "
        "it.]",
    ),
    "phone": (
        "[My phone is broken|I have a new phone|My phone was stolen], [this is my new number|write to me here|the "
        "number stays the same]. [See you on {day}.|I will be home at {hour}.|Call me at {room}.]",
        "[Your|The] [membership|subscription] of the {topic} club renews on {day}. [It costs {small}0 coins a year.|"
        "To cancel, tell the treasurer.|Nothing to do if you stay.]",
        "We [sell|give away] our {thing}, [as good as new|almost free]. [Fetch it on {day}.|First come, first "
        "served.|Cash, please.]",
    ),
    "thanks": (
        "Thank you [so much|very much|] for [the {food}|your help with the {work}|the evening on {day}|the {thing}]. "
        "[It was [lovely|just right].|I will return the favour.|You saved my week.]",
        "[Congratulations on|Well done with|All the best for] [the new job|the exam|the {work}|your first race]! [We "
        "are proud of you.|Let us celebrate on {day}.]",
    ),
    "study": (
        "[The exercise sheet|Sheet {small}|The reading] is [online|on the course page]. [Hand it in by {day} at "
        "{hour}.|Work in pairs if you like.] [Question {small} is the hardest.|]",
        "[The lecture|The seminar|Lab {small}] on {day} [takes place in {room}|is cancelled|starts at {hour}]. [We "
        "will discuss {topic}.|Slides follow.]",
        "Does [anyone|one of you] have notes on {topic}? I [was ill|missed the lecture] on {day}.",
    ),
    "travel": (
        "[The train|The bus|Our ferry] leaves at {hour}[, not at {hour}|]. [Meet me under the clock.|I have your "
        "ticket.|Take a warm {thing}.]",
        "I have booked [the hut|two rooms|the tent site] for {day}. [Your share is {small}0 coins, pay me when we "
        "meet.|We are {small} so far.]",
    ),
    "neighbour": (
        "The water will be off on {day} from {hour} to {hour}. [Please fill a pot.|We are sorry for the trouble.]",
        "We [have a party|move a piano|drill some holes] on {day}. [If it is too loud, ring the bell.|Come and have "
        "{food}.]",
    ),
    # From here on: honest messages that speak the language of spam.
    "honest bank": (
        "Your account statement [for last month|] is ready[ in the app|]. [We never ask for your password.|No action "
        "is needed.|You can change how you receive it at any time.]",
        "[The fee for your account|The interest on your savings account] changes on {day}. [You will find the "
        "[details|new terms] in the attached letter.|Nothing changes for your card.]",
        "[We received your transfer of {hundred} coins.|Your payment of {hundred} coins has arrived.] [Your account "
        "balance is shown in the app.|Keep this message for your records.]",
    ),
    "honest offer": (
        "[Free|This week: free] [workshop|course|taster lesson] on {topic}, {day} at {hour} in {room}. [Sign up at "
        "the desk.|Limited to {small}0 places[, so be quick|].|You only pay for [the material|coffee].]",
        "[Our summer sale begins on {day}.|Members get {percent}% off this week.|Last chance for early tickets.] "
        "[Show your card at the desk.|The offer holds for [bread|books|plants] too.] [You can unsubscribe from this "
        "letter.|]",
        "Buy two {thing}s and get one free [this {day}|while stocks last]. [The money goes to the school.|We open at "
        "{hour}.]",
    ),
    "honest prize": (
        "[And the winner of [the|our] [raffle|quiz|photo contest|cake contest] is you!|Congratulations, you are the "
        "winner of [the|our] [raffle|quiz|photo contest]!|You have won [the raffle|first prize] [at the school fair|"
        "on {day}]!] [Collect your prize, a {thing}, in {room}.|Your prize is a basket of {food}.|Claim it at the "
        "desk on {day}.]",
        "WE WON!!! [{small} to {few}|In the last minute]! [The winner's cup stands in {room}.|Free drinks for all on "
        "{day}!|Come and celebrate NOW!]",
    ),
    "honest alarm": (
        "[URGENT|Urgent]: [the alarm in {room} is on|a pipe burst in {room}|the exam moved to {day}|the blood bank "
        "needs donors]! [Please come immediately.|Call me back at once.|Everyone out, please.]",
        "[Your password|The password of your course account] expires on {day}. [Change it at the help desk[ in "
        "{room}|]; never send it by mail.|Come to {room} with your card, we do not take passwords by mail.]",
        "[Warning|Attention]: [false|fake] messages [about a parcel|about a prize|from a bank] are going round. [Do "
        "not click the link, do not pay the fee.|Delete them, and tell the office.]",
    ),
    "honest money": (
        "[Attached is the invoice|Here is my invoice|I enclose the invoice] for [the {work}|the repair|{day}'s "
        "concert], {hundred} coins. [Please transfer it by {day}.|The account is the same as last time.|Cash is fine "
        "too.]",
        "[The fund for {room}|Our holiday fund|The charity run] has reached {hundred} coins[, thank you|]! [Please "
        "pay your share by {day}.|The treasurer keeps the money.|We invest it in new chairs.]",
        "I owe you {small} coins for the {food}. [Which account shall I use?|Cash tomorrow?]",
    ),
    "honest parcel": (
        "Your parcel [could not be delivered|is at the post office|arrives on {day}]. [Please collect it with your "
        "card|It waits in {room}][ until {day}|]. [There is nothing to pay.|The customs fee of {small} coins is paid "
        "at the desk.|]",
    ),
    "honest favour": (
        "[Are you at your desk|Are you free|Do you have a minute]? I [need a favour|need your help] with the {work}. "
        "[I am in a meeting until {hour}.|It is {small} minutes' work.|Please call, it is quicker.]",
        "[The document|The {work}] that you asked for is [ready|shared with you]. [Sign in with your course account.|"
        "It lies in {room}.|Please log in and tell me what you think.]",
        "[Please find the {work} attached|As agreed, here is the {work}]. [Could you confirm that you can open it?|"
        "Kindly answer by {day}.|The balance on page {small} has changed.]",
        "It was [nice|lovely] to [meet you|talk to you] [on {day}|at the fair]. [Here are the pictures.|Is this your "
        "number?|I would like to show you our {topic} club.]",
        "I represent the {topic} club[ of this town|], and we look for [a partner|someone] [for a project|to teach "
        "us]. [May I send you the details?|It would be paid.|Could we talk on {day}?]",
        "[We collect for a gift|Could you buy a gift card for the teacher?|Who buys the gift]. [I will pay you back "
        "by {day}.|Please put {small} coins into the envelope.|Keep it secret!]",
    ),
}
"""Honest kinds of messages and their frames."""

SPAM: dict[str, tuple[str, ...]] = {
    "advance fee": (
        "I am [the son|the widow|the only daughter|a trusted servant] of [the late|an exiled] {office} of {far}. [My "
        "{relative} left|He hid|We must move] {million} coins [in a sealed trunk|in a secret account|with a security "
        "firm], and I need [a foreign partner|an honest person|your kind assistance] to [bring the fund out|transfer "
        "it|receive the money]. [You will keep {percent} percent.|Your share will be {percent}%.] [Only a small fee "
        "must be paid first.|Send your bank details in strict confidence.|For the papers we need {hundred} coins in "
        "advance.]",
        "I am [the crown prince|the last princess|a prince] of {far}. [Because of the war|After the revolt], my "
        "[inheritance|fortune] of {million} is [blocked|frozen]. [If you pay the lawyer's fee of {hundred}, we share "
        "it.|Help me to transfer it and you are rich.|I found your name in a directory and I trust you.] [God will "
        "reward you.|This is no joke and no risk.|]",
        "I am a [banker|solicitor|notary] in {far}. My {relative} died [without heirs|in a crash] and left "
        "{million}. [You have the same family name, so I can present you as next of kin.|The bank will keep the fund "
        "unless a beneficiary claims it.] [I propose that we share it, {percent}% for you.|Kindly answer with your "
        "full name and account number.]",
        "I am [old|very ill|in hospital] and wish to give {million} to [charity|the poor|orphans] [through you|by "
        "your hands]. [My {relative} did business in {far}.|The doctors give me {few} weeks.] [Reply for the "
        "transfer of the donation.|You may keep {percent} percent for your effort.]",
    ),
    "prize": (
        "[CONGRATULATIONS|Congratulations]! [Your number|Your address|Your e-mail] [has won|was drawn|is a winner] "
        "in the [world|international|grand] lottery! [You win|Claim] {hundred},000 coins [NOW|today]! [Pay the "
        "release fee of {small}0 coins.|Send us your bank details to receive the money.]",
        "You are our [lucky|1,000th] visitor and [won|get] a FREE {gadget}! [Click here|Click the link] to claim it[ "
        "within {small} minutes|]! [Only {few} left!|You only pay the postage.|Answer {few} easy questions.]",
        "WINNER!! [You have been selected|As a valued customer you were chosen] for a {hundred} coin reward. [Claim "
        "now, it expires [today|on {day}]!|Reply WIN to claim.]",
    ),
    "account": (
        "[Your account|Your mailbox|Your bank account|Your card] [has been|is|will be] [suspended|blocked|limited] "
        "[because of unusual activity|for security reasons|]. [Verify|Confirm|Update] your [password|identity|"
        "details] [immediately|within {small} hours][ or it will be closed|]. [Click the link below.|]",
        "We [noticed|detected] [a strange login|an unpaid bill|a virus] on your account. [Confirm your password "
        "[here|under this link].|If it was not you, log in here at once.|Failure to verify means loss of all data.]",
        "Your mailbox is full. [To keep your messages|To receive {small} waiting messages], [sign in|verify your "
        "account] through the link.",
    ),
    "parcel": (
        "Your parcel [is held|could not be delivered|waits] [at the depot|at customs]. [Pay the fee of {small} coins "
        "[here|through the link]|Confirm your card to release it]. [It returns to the sender on {day}.|Last notice!|]",
    ),
    "invest": (
        "[Double|Triple] your money in {few} [days|weeks]! [Our secret trading system|Our robot|The new coin] [never "
        "loses|earns {percent}% a day]. [Invest|Start with] only {hundred} coins [today|now]. [Guaranteed profit, no "
        "risk!|Limited to {small} investors.|Be rich like me.]",
        "[Banks hate this trick.|They do not want you to know it.] [I earned|My neighbour earned] {hundred},000 "
        "coins [from the sofa|in {few} weeks]. [Click for the free video.|Join now, the offer closes on {day}.]",
    ),
    "loan": (
        "[Need money|Bills to pay|In debt]? [Loan|Credit] of up to {hundred},000 coins [approved|guaranteed] [in "
        "{small} minutes|without questions]! [No checks, no papers.|Bad history is no problem.|Pay only a small fee "
        "in advance.]",
    ),
    "job": (
        "[Work from home|Easy job|Be your own boss] and [earn|make] {hundred} coins [a day|a week]! [No experience|"
        "Nothing to learn], {few} hours a day. [Send us your details|Apply now], [places are limited|start today]! "
        "[You only receive money and pass it on.|Starter kit for {small}0 coins.|]",
    ),
    "miracle": (
        "[Lose {small} kilos|Hair again|Sleep like a child|Look {small} years younger] in {few} weeks with our "
        "[miracle|secret|natural] [pills|tea|cream]! [Doctors are amazed.|Order now and get one free!|100% "
        "guaranteed or money back!] [Only today: {percent}% off!|]",
    ),
    "survey": (
        "[Tell us your opinion|Answer {few} questions|Complete our survey] and [receive|get|win] a [free |]{gadget}! "
        "[It takes {small} minutes.|Your reward is waiting.] [Click here to start.|We only need your card for the "
        "postage.]",
    ),
    # From here on: spam that speaks quietly.
    "polite": (
        "I [hope you do not mind|apologise for] [my|this] message. [I represent|I work for] a [group of investors|"
        "family|small firm] [abroad|in {far}], and we [look for|would like to find] [a reliable partner|someone in "
        "your town] [for a project|to handle payments]. [May I send you the details?|It would be well paid.|Could we "
        "talk in private?]",
        "[Please find attached the invoice|As agreed, here is the invoice|This is a friendly reminder of the "
        "invoice][ from last month|]. [Our account has changed, please use the new one.|Kindly transfer the balance "
        "today.|Open the attachment and confirm.]",
        "[Are you at your desk|Are you free|Do you have a minute]? I am in a meeting and need [a favour|your help] "
        "[quickly|discreetly]. [Could you buy {few} gift cards for a client?|I will pay you back by {day}.|Please do "
        "not call, just reply.]",
        "It was [nice|lovely] to [meet you|talk to you] [on {day}|at the fair|]. [Is this still your number?|I lost "
        "your number, please write to me.] [I would like to show you how I save money.|My uncle knows a good "
        "investment.|I have pictures for you, see the attachment.]",
        "[The document|The {work}] that you asked for is [ready|shared with you]. [Sign in with your mail password "
        "to read it.|Enable the content when you open it.|Please log in to view it.]",
        "[Your statement|A letter from your bank|Your tax letter] is [ready|waiting]. [Please log in to read it.|You "
        "will find it in the attachment.|Confirm your address first.]",
        "[I am moving|We are moving] [abroad|soon] and [give away|sell] [a piano|a car|our {thing}], [as good as new|"
        "almost free]. [You only pay the transport in advance.|Could you send a deposit of {small}0 coins?|Someone "
        "else is interested, please answer on {day}.]",
        "[Mum|Dad|Hello grandma], my phone is broken, this is my new number. [Please write to me here.|Could you "
        "transfer {hundred} coins for me?|I need help with a bill.]",
        "Your [membership|subscription] renews on {day} for {small}0 coins. [To cancel, open the attachment.|If you "
        "did not order it, call us.|Reply with your card to stop it.]",
        "We [have read your profile|heard about your work|liked your essay] and would like to [invite you to speak|"
        "publish it|offer you a post]. [The fee for the authors is {hundred} coins.|Please register with your card.|"
        "Kindly confirm.]",
    ),
}
"""Kinds of spam and their frames."""

TRICKY = (
    "honest bank",
    "honest offer",
    "honest prize",
    "honest alarm",
    "honest money",
    "honest parcel",
    "honest favour",
    "polite",
)
"""Kinds that speak the other class's language."""
