"""How columns of a role are called, in the languages of the world; scripts without spaces match within a heading."""

PATIENT = (
    "patient", "patientid", "patients", "subject", "subjectid", "subj", "subjid", "usubjid", "participant", "person",
    "mrn", "pid", "pat", "patid", "patno", "patnr", "ptid", "ptno", "rid", "uhid", "nhc", "ipp", "empi", "nip", "nss",
    "paciente", "pacientes", "paziente", "pazienti", "patiente", "pacjent", "pacjenta", "potilas", "hasta", "patienten",
    "patientennummer", "patientennr", "patientnr", "patientnummer", "fallnummer", "fallnr", "prontuario", "cartella",
    "pesel", "cpr", "personnummer", "bsn", "ασθενης", "ασθενής", "пациент", "пациента", "больной", "больного",
    "пацієнт",
    "患者", "病人", "病历号", "病歷號", "病案号", "住院号", "登记号", "受试者", "被験者", "カルテ番号", "환자",
    "病患", "bệnhnhân",
    "מטופל", "حالة", "مريض", "المريض", "रोगी", "मरीज", "patientin", "proband", "probandin", "probanden", "volunteer",
    "probandennummer", "probandennr", "pseudonym", "iid", "pacient", "pacienta", "patsientkood", "hn", "rekam", "cip",
    "kartyaszam", "taj", "rodnecislo", "rut", "dni", "curp", "ssn", "nhsnumber", "dossier", "ndossier", "expediente",
    "historiaclinica", "nhistoriaclinica", "историиболезни", "номеристорииболезни",
    "историяболезни", "ผู้ป่วย", "ת.ז", "بیمار", "病歴", "診察券",
    "档案号", "门诊号", "就诊卡", "身份证", "차트번호", "등록번호", "병록", "mabenhnhan",
)  # fmt: skip
NOT_PATIENT = (  # of a patient, and no name of one
    "age", "sex", "gender", "name", "type", "class", "category", "status", "group", "weight", "height", "size", "count",
    "position", "orientation", "race", "ethnicity", "birth", "birthdate", "history", "comment", "comments", "consent",
    "state", "alter", "geschlecht", "edad", "sexo", "età", "eta", "sesso", "âge", "sexe", "возраст", "пол", "年龄",
    "性别",
    "年齢", "性別", "나이", "성별", "姓名", "氏名", "имя", "фио",
)  # fmt: skip
PERSON_NAME = (  # the whole heading, without spaces and accents
    "name", "names", "lastname", "firstname", "fullname", "surname", "forename", "givenname", "familyname", "nachname",
    "vorname", "familienname", "patientname", "patientsname", "nameofpatient", "namedespatienten", "nom", "prenom",
    "nometprenom", "nomdupatient", "nombre", "nombres", "apellido", "apellidos", "nombredelpaciente", "nome", "cognome",
    "nomecompleto", "nomedopaciente", "sobrenome", "naam", "achternaam", "voornaam", "nazwisko", "imie", "jmeno",
    "prijmeni", "efternamn", "fornamn", "etternavn", "fornavn", "sukunimi", "etunimi", "soyad", "adsoyad",
    "фамилия", "имя", "фио", "отчество", "фамилияимя", "имяпациента", "прізвище", "ім'я", "姓名", "名字", "患者姓名",
    "病人姓名", "氏名", "名前", "患者名", "患者氏名", "이름", "성명", "환자명", "환자이름",
)  # fmt: skip
NUMBERED = ("id", "ids", "nr", "no", "num", "number", "nummer", "numero", "número", "mrn", "code", "codice", "codigo",
    "código",
            "номер", "号", "號", "番号", "번호", "编号", "key", "uid")  # fmt: skip
SITE = (
    "hospital", "site", "center", "centre", "institution", "clinic", "institute", "location", "source", "cohort",
    "krankenhaus", "klinik", "standort", "hôpital", "hopital", "centro", "ospedale", "ziekenhuis", "szpital",
    "больница",
    "клиника", "医院", "病院", "施設", "병원",
)  # fmt: skip
DATE = ("date", "datum", "studydate", "fecha", "data", "дата", "日期", "日付", "날짜", "tarih")
BIRTH = ("birth", "dob", "birthdate", "born", "geburtsdatum", "geburt", "nacimiento", "naissance", "nascita",
    "рождения",
         "出生", "生年月日")  # fmt: skip
APART = (
    "doi", "pmid", "pubmed", "publication", "paper", "article", "lesion", "lesionid", "study", "studyid", "studyuid",
    "exam", "examination", "accession", "series", "family", "twin", "visit", "session", "slide", "specimen", "episode",
    "case", "caseid", "fall", "caso", "cas", "случай", "病例", "症例", "fid",
)  # fmt: skip
VIEW = ("view", "projection", "viewposition", "orientation", "plane", "projektion", "проекция", "体位", "撮影方向")
MODALITY = ("modality", "modalität", "modalidad", "модальность", "检查方式")
NAME_OF_IMAGE = (
    "image", "images", "file", "filename", "path", "img", "picture", "photo", "filepath", "scan", "xray", "bild",
    "datei",
    "imagen", "immagine", "снимок", "файл", "影像", "图像", "画像", "이미지",
)  # fmt: skip
OF_DEVICE = (
    "manufacturer", "scanner", "device", "kvp", "exposure", "model", "width", "height", "px", "pixel", "pixels",
    "spacing", "bits", "dpi", "magnification", "camera",
)  # fmt: skip
OF_FILE = (
    "url", "uri", "license", "licence", "credit", "copyright", "folder", "directory", "path", "filename", "file",
    "split", "fold", "subset", "md5", "sha", "sha256", "checksum", "hash", "annotator", "reader", "index", "unnamed",
)  # fmt: skip
SPLIT = ("split", "fold", "folds", "subset", "partition", "train", "test", "set")
LABEL = (
    "label", "labels", "target", "class", "diagnosis", "diagnostic", "dx", "outcome", "ground_truth", "y", "diagnose",
    "diagnostico", "diagnóstico", "diagnosi", "diagnostique", "rozpoznanie", "tanı", "tani", "диагноз", "діагноз",
    "诊断",
    "診断", "診斷", "진단", "διάγνωση", "διαγνωση", "निदान", "تشخیص", "التشخيص",
)  # fmt: skip
PERHAPS_LABEL = (
    "finding", "findings", "disease", "result", "pathology", "malignant", "malignancy", "tumor", "tumour", "cancer",
    "category", "grade", "stage", "status", "death", "died", "survival", "response", "condition", "level", "severity",
    "befund", "resultado", "risultato", "résultat", "результат", "结果", "結果", "결과", "krankheit", "enfermedad",
    "maladie",
)  # fmt: skip
OF_PERSON = ("sex", "gender", "age", "race", "ethnicity", "smoker", "smoking", "side", "laterality", "geschlecht",
    "sexo",
             "sesso", "sexe", "пол", "возраст", "性别", "性別", "성별", "年龄", "年齢")  # fmt: skip
AGE = (
    "age",
    "alter",
    "edad",
    "età",
    "eta",
    "âge",
    "idade",
    "wiek",
    "leeftijd",
    "возраст",
    "年龄",
    "年齢",
    "나이",
    "ηλικία",
    "yaş",
)
MEASURE = (  # of whole numbers, though they repeat as those of patients do
    *AGE, *BIRTH, "year", "jahr", "jaar", "année", "año", "ano", "anno", "rok", "год", "年", "weight", "gewicht",
    "poids", "peso", "вес", "体重", "체중", "height", "grösse", "taille", "altura", "altezza", "рост", "身長", "身高",
    "dose", "dosis", "count", "counts", "anzahl", "nombre", "score", "days", "months", "years", "tage", "jours", "zip",
    "zipcode", "postcode", "postal", "postleitzahl", "plz", "cap", "cep", "индекс", "邮编", "郵便番号", "우편번호",
    "mg", "ml", "mm", "cm", "kg", "price", "cost", "time", "duration", "width", "length", "area", "volume",
)  # fmt: skip
